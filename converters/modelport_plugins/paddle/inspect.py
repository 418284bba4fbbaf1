"""What is in a Paddle program, read by our own readers: Paddle is not needed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from modelport_plugins.paddle import parameters, pir
from modelport_plugins.paddle.description import Description
from modelport_plugins.paddle.program import desc
from modelport_sdk import Context, WeightsOnly, inspector

HINT = (
    "Send the program that belongs to them: the .json (Paddle 3) or .pdmodel (Paddle 2) that "
    "paddle.jit.save(layer, path, input_spec) writes beside a .pdiparams."
)


def described(source: Path) -> Description:
    """Return what is in the program ``source``, by its suffix.

    Raises:
        CorruptModel: It cannot be read.
    """
    return pir.describe(pir.read(source)) if source.suffix == ".json" else desc.describe(source)


@inspector(format="paddle")
def inspect_pir(source: Path, ctx: Context) -> dict[str, Any]:
    """Return ports, operators and the numbers of elements.

    Raises:
        CorruptModel: The program cannot be read, or the weights are not its own.
    """
    return described(source).json("paddle", source)


@inspector(format="paddle-program")
def inspect_program(source: Path, ctx: Context) -> dict[str, Any]:
    """Return ports, operators and the numbers of elements.

    Raises:
        CorruptModel: The program cannot be read, or the weights are not its own.
    """
    return described(source).json("paddle-program", source)


@inspector(format="paddle-state")
def inspect_state(source: Path, ctx: Context) -> dict[str, Any]:
    """Refuse: weights alone have no graph. A pickle is not loaded.

    Raises:
        WeightsOnly: Always; with the number of tensors where the file can be read as tensors.
        CorruptModel: It ends within a tensor.
    """
    with source.open("rb") as stream:
        pickled = stream.read(1) == b"\x80"
    if pickled:
        raise WeightsOnly("the file holds a state_dict, and no program", hint=HINT)
    found = parameters.tensors(source)
    elements = sum(math.prod(tensor.shape) for tensor in found)
    raise WeightsOnly(
        f"the file holds {len(found)} tensors with {elements} parameters, and no program",
        hint=HINT,
    )

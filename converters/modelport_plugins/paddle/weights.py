"""Lists a Paddle program's weights, for the comparison of weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from modelport_plugins.paddle import parameters
from modelport_plugins.paddle.inspect import described
from modelport_sdk import Context, weights


@weights(format="paddle")
def read_pir(source: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Yield the floating-point tensors."""
    for name, array in parameters.arrays(source, described(source).held(source)):
        if array.dtype.kind == "f" and array.size:
            yield name, array


@weights(format="paddle-program")
def read_program(source: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Yield the floating-point tensors."""
    yield from read_pir.read(source, ctx)

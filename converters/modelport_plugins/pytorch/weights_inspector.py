"""Recognises files that hold weights and no graph, and says what to do with them."""

from __future__ import annotations

import itertools
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.pickle_module import load_pickled
from modelport_plugins.pytorch.pickle_verdict import contents
from modelport_plugins.pytorch.script_inspector import describe
from modelport_sdk import Context, CorruptModel, UnsafeModel, WeightsOnly, inspector

HINT = (
    "Load the weights into the model's own class and export that: "
    "model.load_state_dict(state); model.eval(); torch.jit.trace(model, example).save('model.pt')."
)
HEADER_LIMIT = 100_000_000  # bytes; safetensors' own limit, safetensors/src/tensor.rs
RANK = 64  # of a tensor, in any framework
BITS = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U64": 64,
    "U32": 32,
    "U16": 16,
    "U8": 8,
    "BOOL": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "C64": 64,
    "F8_E8M0": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}


@inspector(format="safetensors")
def inspect_safetensors(path: Path, ctx: Context) -> Mapping[str, Any]:
    """Read the header and refuse: weights alone cannot be converted."""
    header = read_header(path)
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    elements = sum(math.prod(entry["shape"]) for entry in tensors.values())
    raise WeightsOnly(
        f"the file holds {len(tensors)} tensors with {elements} parameters, and no graph",
        hint=HINT,
    )


def read_header(path: Path) -> dict[str, Any]:
    """Return the header: dtype, shape and offsets by tensor name.

    Raises:
        CorruptModel: Lengths, shapes and offsets do not agree with one another or the file.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        first = stream.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else size
        if length > min(size - 8, HEADER_LIMIT):
            raise CorruptModel("the header is longer than the file", hint="Transfer it again.")
        try:
            header = json.loads(stream.read(length))
        except (ValueError, RecursionError) as exc:
            raise CorruptModel("the header is no JSON") from exc
    if not isinstance(header, dict):
        raise CorruptModel("the header is no JSON object")
    _check(header, size - 8 - length)
    return header


def _check(header: dict[str, Any], room: int) -> None:
    """Raise CorruptModel unless the tensors lie side by side inside ``room`` bytes."""
    spans = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            begin, end = entry["data_offsets"]
            # Before they are multiplied: the product of a million sizes takes hours, that of
            # a text and a number all memory.
            _check_numbers((*entry["shape"], begin, end))
            bits = BITS[entry["dtype"]] * math.prod(entry["shape"])
        except (KeyError, TypeError, ValueError) as exc:
            raise CorruptModel(f"tensor {name[:80]!r} is described wrongly") from exc
        if end > room or (end - begin) * 8 != bits + (-bits % 8):
            raise CorruptModel(f"tensor {name[:80]!r} lies outside the file or has another size")
        spans.append((begin, end))
    spans.sort()
    if any(left[1] > right[0] for left, right in itertools.pairwise(spans)):
        raise CorruptModel("tensors overlap in the file")


def _check_numbers(numbers: tuple[Any, ...]) -> None:
    if len(numbers) > RANK + 2 or not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
        raise ValueError("no sizes")


@inspector(format="pytorch-pickle")
def inspect_pickle(path: Path, ctx: Context) -> Mapping[str, Any]:
    """Scan the pickle without running it; describe a module only with consent."""
    found = contents(path)
    if found.modules:
        if not ctx.consent:
            raise UnsafeModel(
                f"a pickled module of class {found.modules[0]}; loading it runs code",
                hint="Export it in its own code with torch.jit.trace or torch.export,"
                " or have the operator allow pickled code.",
            )
        return describe(load_pickled(path, ctx), ctx, "pytorch-pickle")
    if not found.tensors:
        raise CorruptModel(
            "the pickle holds neither tensors nor a module", hint="Upload a model file."
        )
    counts = ", ".join(f"{count} {kind}" for kind, count in found.parameters.items())
    raise WeightsOnly(
        f"the file holds {len(found.tensors)} tensors with {counts} parameters, and no graph",
        hint=HINT,
    )

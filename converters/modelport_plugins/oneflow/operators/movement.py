"""Operators that move elements and compute nothing."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.writer import DATA_TYPES, Writer
from modelport_sdk import UnsupportedFeature


def _same(w: Writer, op: Operation, x: list[str]) -> str:
    return x[0]


def _reshape(w: Writer, op: Operation, x: list[str]) -> str:
    return w.reshape(x[0], op.result_types[0].shape)


def _transpose(w: Writer, op: Operation, x: list[str]) -> str:
    return w.transpose(x[0], op.attributes["perm"])


def _squeeze(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Squeeze", [x[0], w.sizes(op.attributes["axes"])])
    return made


def _expand_dims(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Unsqueeze", [x[0], w.sizes([op.attributes["axis"]])])
    return made


def _expand(w: Writer, op: Operation, x: list[str]) -> str:
    """Broadcast; sizes that do not change stay out, so that they may be freed later."""
    before, after = op.operand_types[0].shape, op.result_types[0].shape
    aligned = (*([1] * (len(after) - len(before))), *before)
    wanted = [1 if old == new else new for old, new in zip(aligned, after)]
    made: str = w.add("Expand", [x[0], w.sizes(wanted)])
    return made


def _concat(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Concat", x, axis=op.attributes["axis"])
    return made


def _stack(w: Writer, op: Operation, x: list[str]) -> str:
    axis = op.attributes["axis"]
    parts = [w.add("Unsqueeze", [part, w.sizes([axis])]) for part in x]
    made: str = w.add("Concat", parts, axis=axis)
    return made


def _narrow(w: Writer, op: Operation, x: list[str]) -> str:
    start = op.attributes["start"]
    return w.slice(x[0], op.attributes["dim"], start, start + op.attributes["length"])


def _slice(w: Writer, op: Operation, x: list[str]) -> str:
    """Cut only the axes that are cut at all."""
    bounds = [
        (start, stop, axis, step)
        for axis, (start, stop, step, size) in enumerate(
            zip(
                *(op.attributes[key] for key in ("start", "stop", "step")),
                op.operand_types[0].shape,
            )
        )
        if (start, stop, step) != (0, size, 1)
    ]
    if not bounds:
        return x[0]
    made: str = w.add("Slice", [x[0], *(w.sizes(column) for column in zip(*bounds))])
    return made


def _slice_update(w: Writer, op: Operation, x: list[str]) -> str:
    """Write a block into a tensor: along one axis after the other, what stands around it."""
    starts, stops = op.attributes["start"], op.attributes["stop"]
    if set(op.attributes["step"]) != {1}:
        raise UnsupportedFeature(
            f"slice_update with steps ({op.name}) is not read", operators=[op.kind]
        )
    shape = op.operand_types[0].shape
    axes = [a for a, size in enumerate(shape) if (starts[a], stops[a]) != (0, size)]

    def placed(whole: str, left: list[int]) -> str:
        if not left:
            return x[1]
        axis, size = left[0], shape[left[0]]
        start, stop = starts[axis], stops[axis]
        inner = w.slice(whole, axis, start, stop) if left[1:] else whole
        parts = [w.slice(whole, axis, 0, start)] if start else []
        parts.append(placed(inner, left[1:]))
        parts += [w.slice(whole, axis, stop, size)] if stop < size else []
        made: str = w.add("Concat", parts, axis=axis)
        return made

    return placed(x[0], axes)


def _flip(w: Writer, op: Operation, x: list[str]) -> str:
    dims, lowest = op.attributes["dims"], -(1 << 62)
    bounds = ([-1] * len(dims), [lowest] * len(dims), dims, [-1] * len(dims))
    made: str = w.add("Slice", [x[0], *(w.sizes(column) for column in bounds)])
    return made


def _roll(w: Writer, op: Operation, x: list[str]) -> str:
    value, shape = x[0], op.operand_types[0].shape
    for axis, shift in zip(op.attributes["dims"], op.attributes["shifts"]):
        size = shape[axis]
        cut = -shift % size
        if cut:
            parts = [w.slice(value, axis, cut, size), w.slice(value, axis, 0, cut)]
            value = w.add("Concat", parts, axis=axis)
    return value


def _tile(w: Writer, op: Operation, x: list[str]) -> str:
    counts = op.attributes.get("reps") or op.attributes["repeat_shape"]
    rank = len(op.operand_types[0].shape)
    value = x[0]
    if len(counts) > rank:
        value = w.reshape(value, [*([1] * (len(counts) - rank)), *op.operand_types[0].shape])
    padded = [*([1] * (rank - len(counts))), *counts]
    made: str = w.add("Tile", [value, w.sizes(padded)])
    return made


def _pad(w: Writer, op: Operation, x: list[str]) -> str:
    whole = not w.kinds[x[0]].startswith("float")
    value = op.attributes["integral_constant_value" if whole else "floating_constant_value"]
    edges = [*op.attributes["padding_before"], *op.attributes["padding_after"]]
    made: str = w.add("Pad", [x[0], w.sizes(edges), w.like(value, x[0])], mode="constant")
    return made


def _mirrored(mode: str) -> Any:
    """Return an entry for padding given as left, right, top, bottom, ..."""

    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        flat = op.attributes["padding"]
        pairs = list(zip(flat[::2], flat[1::2]))
        return _padded(w, x[0], pairs, len(op.operand_types[0].shape), mode)

    return emit


def _padded(w: Writer, value: str, pairs: list[Any], rank: int, mode: str) -> str:
    sides: list[list[int]] = []
    for side in (0, 1):
        inner = [pair[side] for pair in reversed(pairs)]
        sides.append([*([0] * (rank - len(pairs))), *inner])
    made: str = w.add("Pad", [value, w.sizes([*sides[0], *sides[1]])], mode=mode)
    return made


def _constant(w: Writer, op: Operation, x: list[str]) -> str:
    import numpy as np

    given = op.attributes
    key = "floating_value" if given["is_floating_value"] else "integer_value"
    return w.array(np.full(op.result_types[0].shape, given[key]), DATA_TYPES[given["dtype"]])


def _fill(w: Writer, op: Operation, x: list[str]) -> str:
    import numpy as np

    given = op.attributes
    key = "floating_value" if given["is_floating_value"] else "integral_value"
    return w.array(np.full(op.result_types[0].shape, given[key]), w.kinds[x[0]])


def _arange(w: Writer, op: Operation, x: list[str]) -> str:
    import numpy as np

    kind = DATA_TYPES[op.attributes["dtype"]]
    word = "float" if kind.startswith("float") else "integer"
    start, step = (op.attributes[f"{word}_{end}"] for end in ("start", "delta"))
    return w.array(start + step * np.arange(op.result_types[0].shape[0]), kind)


TABLE: dict[str, Any] = {
    **dict.fromkeys(("identity", "copy", "to_contiguous", "dropout", "pinned_identity"), _same),
    **dict.fromkeys(("reshape", "flatten", "reshape_like"), _reshape),
    "transpose": _transpose,
    "squeeze": _squeeze,
    "expand_dims": _expand_dims,
    "expand": _expand,
    "concat": _concat,
    "stack": _stack,
    "narrow": _narrow,
    "slice": _slice,
    "slice_update": _slice_update,
    "flip": _flip,
    "roll": _roll,
    "tile": _tile,
    "repeat": _tile,
    "pad": _pad,
    "reflection_pad1d": _mirrored("reflect"),
    "reflection_pad2d": _mirrored("reflect"),
    "replication_pad1d": _mirrored("edge"),
    "replication_pad2d": _mirrored("edge"),
    "constant": _constant,
    "fill_": _fill,
    "arange": _arange,
}

"""Pooling over windows, and over as many windows as the result shall have elements."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.operators.layer import channels_first
from modelport_plugins.oneflow.writer import Writer
from modelport_sdk import UnsupportedFeature


def _windows(op: Operation) -> dict[str, Any]:
    channels_first(op)
    given = op.attributes
    pads = list(given["padding"])
    return {
        "kernel_shape": given["kernel_size"],
        "strides": given["stride"],
        "pads": pads + pads,
        "ceil_mode": int(given.get("ceil_mode", False)),
    }


def _largest(w: Writer, op: Operation, x: list[str]) -> Any:
    """Results: y and the places of the maxima, which are made only where something reads them.

    Raises:
        UnsupportedFeature: They are read; OneFlow counts them another way than ONNX.
    """
    if len(op.results) > 1 and w.uses.get(op.results[1]):
        raise UnsupportedFeature(
            f"{op.kind} whose places of maxima are used ({op.name})", operators=[op.kind]
        )
    given = _windows(op)
    made: str = w.add("MaxPool", x, dilations=op.attributes["dilation"], **given)
    return made


def _average(w: Writer, op: Operation, x: list[str]) -> str:
    """Average; with a divisor of its own the sum is divided by that."""
    import numpy as np

    given = _windows(op)
    divisor = op.attributes.get("divisor_override", 0)
    counted = int(op.attributes.get("count_include_pad", True))
    if not divisor:
        made: str = w.add("AveragePool", x, count_include_pad=counted, **given)
        return made
    pooled = w.add("AveragePool", x, count_include_pad=1, **given)
    factor = float(np.prod(given["kernel_shape"])) / divisor
    return str(w.add("Mul", [pooled, w.like(factor, x[0])]))


def _bounds(size: int, count: int) -> list[tuple[int, int]]:
    """Return where each of ``count`` windows begins and ends, as PyTorch and OneFlow cut them."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _sizes(op: Operation) -> tuple[tuple[int, ...], tuple[int, ...]]:
    count = len(op.attributes["output_size"])
    return op.operand_types[0].shape[-count:], op.result_types[0].shape[-count:]


def _adaptive_average(w: Writer, op: Operation, x: list[str]) -> str:
    """Average windows of one size; where they differ, a product with a matrix an axis."""
    import numpy as np

    channels_first(op)
    before, after = _sizes(op)
    if set(after) == {1}:
        made: str = w.add("GlobalAveragePool", x)
        return made
    if before == after:
        return x[0]
    if all(size % count == 0 for size, count in zip(before, after)):
        steps = [size // count for size, count in zip(before, after)]
        return str(w.add("AveragePool", x, kernel_shape=steps, strides=steps))
    value, rank = x[0], len(op.operand_types[0].shape)
    for place, (size, count) in enumerate(zip(before, after)):
        shares = np.zeros((size, count))
        for column, (start, stop) in enumerate(_bounds(size, count)):
            shares[start:stop, column] = 1 / (stop - start)
        axis = rank - len(before) + place
        order = [a for a in range(rank) if a != axis] + [axis]
        turned = w.transpose(value, order) if axis != rank - 1 else value
        turned = w.add("MatMul", [turned, w.array(shares, w.kinds[x[0]])])
        value = w.transpose(turned, np.argsort(order).tolist()) if axis != rank - 1 else turned
    return value


def _adaptive_largest(w: Writer, op: Operation, x: list[str]) -> str:
    """Take the maximum of each window in turn.

    Raises:
        UnsupportedFeature: The places of the maxima are read.
    """
    if len(op.results) > 1 and w.uses.get(op.results[1]):
        raise UnsupportedFeature(
            f"{op.kind} whose places of maxima are used ({op.name})", operators=[op.kind]
        )
    before, after = _sizes(op)
    value, rank = x[0], len(op.operand_types[0].shape)
    for place, (size, count) in enumerate(zip(before, after)):
        axis = rank - len(before) + place
        parts = []
        for start, stop in _bounds(size, count):
            part = w.slice(value, axis, start, stop)
            parts.append(w.add("ReduceMax", [part], axes=[axis], keepdims=1))
        value = w.add("Concat", parts, axis=axis)
    return value


TABLE: dict[str, Any] = {
    **{f"max_pool_{rank}d": _largest for rank in (1, 2, 3)},
    **{f"avg_pool_{rank}d": _average for rank in (1, 2, 3)},
    **{f"adaptive_avg_pool{rank}d": _adaptive_average for rank in (1, 2, 3)},
    **{f"adaptive_max_pool{rank}d": _adaptive_largest for rank in (1, 2, 3)},
}

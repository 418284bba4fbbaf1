"""Reductions along axes, and running sums and products."""

from __future__ import annotations

import math
from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.writer import Writer


def _reduced(kind: str) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        keep = int(op.attributes["keepdims"])
        if not op.operand_types[0].shape:
            return x[0]
        made: str = w.add(kind, x, axes=op.attributes["axis"], keepdims=keep)
        return made

    return emit


def _sum(w: Writer, op: Operation, x: list[str]) -> str:
    keep = int(op.attributes["keepdims"])
    if not op.operand_types[0].shape:
        return x[0]
    made: str = w.add("ReduceSum", [x[0], w.sizes(op.attributes["axis"])], keepdims=keep)
    return made


def _variance(w: Writer, op: Operation, x: list[str]) -> str:
    """Return the mean squared distance from the mean, over n - 1 where ``unbiased``."""
    axes, shape = op.attributes["dim"], op.operand_types[0].shape
    count = math.prod(shape[axis] for axis in axes)
    apart = w.add("Sub", [x[0], w.add("ReduceMean", x, axes=axes, keepdims=1)])
    square = w.add("Mul", [apart, apart])
    keep = int(op.attributes["keepdim"])
    made: str = w.add("ReduceMean", [square], axes=axes, keepdims=keep)
    if op.attributes.get("unbiased"):
        factor = count / (count - 1) if count > 1 else math.nan
        made = w.add("Mul", [made, w.like(factor, x[0])])
    return made


def _running_sum(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("CumSum", [x[0], w.array(op.attributes["dim"], "int64")])
    return made


def _running_product(w: Writer, op: Operation, x: list[str]) -> str:
    """Multiply by itself shifted by 1, 2, 4, ...: ONNX has no running product."""
    axis, shape = op.attributes["dim"], op.operand_types[0].shape
    value, shift = x[0], 1
    while shift < shape[axis]:
        edges = [0] * (2 * len(shape))
        edges[axis] = shift
        moved = w.slice(value, axis, 0, shape[axis] - shift)
        moved = w.add("Pad", [moved, w.sizes(edges), w.like(1, x[0])], mode="constant")
        value = w.add("Mul", [value, moved])
        shift *= 2
    return value


TABLE: dict[str, Any] = {
    "reduce_sum": _sum,
    "reduce_mean": _reduced("ReduceMean"),
    "reduce_max": _reduced("ReduceMax"),
    "reduce_min": _reduced("ReduceMin"),
    "reduce_prod": _reduced("ReduceProd"),
    "var": _variance,
    "cumsum": _running_sum,
    "cumprod": _running_product,
}

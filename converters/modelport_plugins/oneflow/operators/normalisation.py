"""Normalisations, in the forms that OneFlow has on CPU and on CUDA."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.writer import Writer
from modelport_sdk import UnsupportedFeature


def _batch(w: Writer, op: Operation, x: list[str]) -> str:
    """Operands: x, moving mean, moving variance, gamma, beta.

    Raises:
        UnsupportedFeature: The graph was saved while it was being trained.
    """
    if op.attributes.get("training"):
        raise UnsupportedFeature(
            f"{op.kind} in training mode ({op.name})",
            hint="Call module.eval() before the graph is compiled and saved.",
            operators=[op.kind],
        )
    if op.attributes.get("axis", 1) != 1:
        raise UnsupportedFeature(
            f"{op.kind} with channels last ({op.name}) is not read", operators=[op.kind]
        )
    value, mean, variance, gamma, beta = x[:5]
    made: str = w.add(
        "BatchNormalization",
        [value, gamma, beta, mean, variance],
        epsilon=float(op.attributes["epsilon"]),
    )
    return made


def _batch_add_relu(w: Writer, op: Operation, x: list[str]) -> str:
    """Operands: x, what is added (may be missing), then as in ``normalization``."""
    added = x[1] if len(x) == 6 else ""
    normal = _batch(w, op, [x[0], *x[-4:]])
    total = w.add("Add", [normal, added]) if added else normal
    made: str = w.add("Relu", [total])
    return made


def _layer(w: Writer, op: Operation, x: list[str]) -> Any:
    """Operands: x, beta where ``center``, gamma where ``scale``; results: y, mean, 1/deviation."""
    import numpy as np

    given = op.attributes
    axis = given["begin_norm_axis"]
    rest = list(x[1:])
    beta = rest.pop(0) if given.get("center", True) and rest else ""
    gamma = rest.pop(0) if given.get("scale", True) and rest else ""
    if not gamma:
        gamma = w.array(np.ones(op.operand_types[0].shape[axis:]), w.kinds[x[0]])
    inputs = [x[0], gamma, beta] if beta else [x[0], gamma]
    epsilon = float(given["epsilon"])
    return w.add("LayerNormalization", inputs, 3, axis=axis, epsilon=epsilon)


def _mean_square(w: Writer, value: str, axes: list[int]) -> str:
    square = w.add("Mul", [value, value])
    made: str = w.add("ReduceMean", [square], axes=axes, keepdims=1)
    return made


def _scaled(w: Writer, value: str, power: str, epsilon: float) -> str:
    """Return value / sqrt(power + epsilon)."""
    deviation = w.add("Sqrt", [w.add("Add", [power, w.like(epsilon, value)])])
    made: str = w.add("Div", [value, deviation])
    return made


def _rms(w: Writer, op: Operation, x: list[str]) -> str:
    count = len(op.attributes["normalized_shape"])
    power = _mean_square(w, x[0], list(range(-count, 0)))
    value = _scaled(w, x[0], power, float(op.attributes["epsilon"]))
    return str(w.add("Mul", [value, x[1]])) if len(x) > 1 else value


def _group(w: Writer, op: Operation, x: list[str]) -> str:
    """Operands: x, beta, gamma (both where ``affine``)."""
    shape, groups = op.operand_types[0].shape, op.attributes["num_groups"]
    parts = w.reshape(x[0], [shape[0], groups, -1])
    centred = w.add("Sub", [parts, w.add("ReduceMean", [parts], axes=[2], keepdims=1)])
    epsilon = float(op.attributes["epsilon"])
    value = w.reshape(_scaled(w, centred, _mean_square(w, centred, [2]), epsilon), shape)
    if len(x) > 2:
        sizes = [shape[1], *([1] * (len(shape) - 2))]
        beta, gamma = (w.reshape(one, sizes) for one in x[1:3])
        value = w.add("Add", [w.add("Mul", [value, gamma]), beta])
    return value


def _length(w: Writer, op: Operation, x: list[str]) -> tuple[str, str]:
    """Divide by the length of the vectors along one axis; results: y, sum of squares."""
    axis = op.attributes["axis"]
    square = w.add("Mul", [x[0], x[0]])
    total = w.add("ReduceSum", [square, w.sizes([axis])], keepdims=1)
    bounded = w.add("Max", [total, w.like(op.attributes["epsilon"], x[0])])
    return w.add("Div", [x[0], w.add("Sqrt", [bounded])]), total


TABLE: dict[str, Any] = {
    "normalization": _batch,
    "normalization_infer": _batch,
    "normalization_add_relu": _batch_add_relu,
    "cudnn_fused_normalization_add_relu": _batch_add_relu,
    "layer_norm": _layer,
    "rms_norm": _rms,
    "group_norm": _group,
    "l2_normalize": _length,
}

"""Convolutions and matrix products: the operators that carry weights."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.operators.activation import gelu
from modelport_plugins.oneflow.writer import Writer
from modelport_sdk import UnsupportedFeature

BIASED = ("Conv", "ConvTranspose", "Gemm")


def channels_first(op: Operation) -> None:
    """Refuse the other layout.

    Raises:
        UnsupportedFeature: The channel is the last axis.
    """
    if op.attributes.get("data_format", "channels_first") not in {"channels_first", "NCHW"}:
        raise UnsupportedFeature(
            f"{op.kind} with channels last ({op.name}) is not read", operators=[op.kind]
        )


def _convolution(w: Writer, op: Operation, x: list[str]) -> str:
    channels_first(op)
    given = op.attributes
    pads = list(given["padding_before"])
    made: str = w.add(
        "Conv",
        x[:3],
        strides=given["strides"],
        dilations=given["dilation_rate"],
        group=given["groups"],
        pads=pads + pads,
        kernel_shape=given["kernel_size"],
    )
    return made


def _deconvolution(w: Writer, op: Operation, x: list[str]) -> str:
    channels_first(op)
    given = op.attributes
    pads = list(given["padding_before"])
    made: str = w.add(
        "ConvTranspose",
        x[:3],
        strides=given["strides"],
        dilations=given["dilation_rate"],
        group=given.get("groups", 1),
        pads=pads + pads,
        output_padding=given["output_padding"],
        kernel_shape=given["kernel_size"],
    )
    return made


def _bias_add(w: Writer, op: Operation, x: list[str]) -> str:
    """Add along one axis; inside the layer that made the value, where nothing else reads it."""
    maker = w.makers.get(x[0])
    axis, rank = op.attributes["axis"], len(op.operand_types[0].shape)
    own = w.uses.get(op.operands[0]) == 1 and x[1] in w.arrays and axis == 1
    if own and maker is not None and maker.op_type in BIASED and len(maker.input) == 2:
        maker.input.append(x[1])
        return x[0]
    behind = rank - 1 - axis % rank
    bias = w.reshape(x[1], [*op.operand_types[1].shape, *([1] * behind)]) if behind else x[1]
    made: str = w.add("Add", [x[0], bias])
    return made


def _turned(w: Writer, value: str, rank: int) -> str:
    order = list(range(rank))
    order[-1], order[-2] = order[-2], order[-1]
    return w.transpose(value, order)


def _product(w: Writer, op: Operation, x: list[str]) -> str:
    """Multiply; a 2-D layer with weights of its own becomes Gemm, with the weights as they are."""
    given = op.attributes
    ranks = [len(type.shape) for type in op.operand_types]
    alpha = float(given.get("alpha", 1.0))
    turned = bool(given.get("transpose_b"))
    if ranks[:2] == [2, 2] and x[1] in w.arrays and not given.get("transpose_a"):
        made: str = w.add("Gemm", x[:3], transB=int(turned), alpha=alpha)
        return made
    left = _turned(w, x[0], ranks[0]) if given.get("transpose_a") else x[0]
    right = _turned(w, x[1], ranks[1]) if turned else x[1]
    if alpha != 1.0:
        left = w.add("Mul", [left, w.like(alpha, left)])
    made = w.add("MatMul", [left, right])
    return str(w.add("Add", [made, x[2]])) if len(x) > 2 else made


def _linear(w: Writer, value: str, weight: str, bias: str) -> str:
    """Return value @ weight.T + bias; the weight has two axes."""
    product = w.add("MatMul", [value, _turned(w, weight, 2)])
    made: str = w.add("Add", [product, bias])
    return made


def _matmul_bias(w: Writer, op: Operation, x: list[str]) -> str:
    return _linear(w, *x[:3])


def _mlp(w: Writer, op: Operation, x: list[str]) -> str:
    """Return a chain of layers with Relu between; operands: x, all weights, all biases."""
    half = (len(x) - 1) // 2
    value = x[0]
    for place in range(half):
        value = _linear(w, value, x[1 + place], x[1 + half + place])
        if place < half - 1 or not op.attributes.get("skip_final_activation", True):
            value = w.add("Relu", [value])
    return value


def _bias_add_gelu(w: Writer, op: Operation, x: list[str]) -> str:
    behind = len(op.operand_types[0].shape) - 1 - op.attributes["axis"]
    bias = w.reshape(x[1], [*op.operand_types[1].shape, *([1] * behind)])
    return gelu(w, op, [w.add("Add", [x[0], bias])])


def _bare(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("MatMul", x)
    return made


def _unfolded(w: Writer, op: Operation, x: list[str]) -> str:
    """Take windows apart with a convolution of ones and zeros, which is exact."""
    import numpy as np

    channels_first(op)
    given, channels = op.attributes, op.operand_types[0].shape[1]
    kernel = tuple(given["kernel_size"])
    count = int(np.prod(kernel))
    pick = np.eye(count, dtype=w.kinds[x[0]]).reshape(count, 1, *kernel)
    pads = list(given["padding"])
    windows = w.add(
        "Conv",
        [x[0], w.array(np.tile(pick, (channels, 1, *([1] * len(kernel)))))],
        group=channels,
        kernel_shape=list(kernel),
        strides=given["strides"],
        dilations=given["dilation_rate"],
        pads=pads + pads,
    )
    return w.reshape(windows, op.result_types[0].shape)


def _folded(w: Writer, op: Operation, x: list[str]) -> str:
    """Add overlapping windows up again: the transposed form of ``_unfolded``."""
    import numpy as np

    channels_first(op)
    given = op.attributes
    kernel, steps, apart = (given[key] for key in ("kernel_size", "strides", "dilation_rate"))
    pads, size, shape = given["padding"], given["output_size"], op.result_types[0].shape
    covered = [(k - 1) * d + 1 for k, d in zip(kernel, apart)]
    counts = [(n + 2 * p - c) // s + 1 for n, p, c, s in zip(size, pads, covered, steps)]
    reach = [(n - 1) * s - 2 * p + c for n, s, p, c in zip(counts, steps, pads, covered)]
    pick = np.eye(int(np.prod(kernel)), dtype=w.kinds[x[0]]).reshape(-1, 1, *kernel)
    columns = w.reshape(x[0], [shape[0], op.operand_types[0].shape[1], *counts])
    made: str = w.add(
        "ConvTranspose",
        [columns, w.array(np.tile(pick, (shape[1], 1, *([1] * len(kernel)))))],
        group=shape[1],
        kernel_shape=kernel,
        strides=steps,
        dilations=apart,
        pads=[*pads, *pads],
        output_padding=[n - r for n, r in zip(size, reach)],
    )
    return made


TABLE: dict[str, Any] = {
    "fold": _folded,
    **{f"conv{rank}d": _convolution for rank in (1, 2, 3)},
    **{f"deconv{rank}d": _deconvolution for rank in (1, 2, 3)},
    "bias_add": _bias_add,
    "matmul": _product,
    "batch_matmul": _product,
    "broadcast_matmul": _product,
    "matrix_vector_product": _bare,
    "vector_matrix_product": _bare,
    "dot": _bare,
    "fused_matmul_bias": _matmul_bias,
    "cublas_fused_mlp": _mlp,
    "fused_bias_add_gelu": _bias_add_gelu,
    "unfold": _unfolded,
}

"""Convolutions, matrix products and normalisation. One-dimensional ones go by way of two."""

from __future__ import annotations

import math
from typing import Any

from modelport_sdk import DynamicShapeRequired, UnsupportedFeature


def edges(tensor: Any, attrs: dict[str, Any], kernel: list[int]) -> list[tuple[int, int]]:
    """Return padding before and after each spatial axis, worked out from ``auto_pad``.

    Raises:
        DynamicShapeRequired: It depends on a size that is open.
    """
    rank = len(kernel)
    mode = attrs.get("auto_pad", "NOTSET")
    if mode in {"NOTSET", ""}:
        given = list(attrs.get("pads", [0] * 2 * rank))
        return list(zip(given[:rank], given[rank:]))
    if mode == "VALID":
        return [(0, 0)] * rank
    steps, apart = attrs.get("strides", [1] * rank), attrs.get("dilations", [1] * rank)
    found = []
    for size, width, step, gap in zip(tensor.shape[2:], kernel, steps, apart):
        reach = (width - 1) * gap + 1
        if size < 0 and step != 1:
            raise DynamicShapeRequired("padding depends on a size that is open")
        total = max((-(-size // step) - 1) * step + reach - size, 0) if step != 1 else reach - 1
        small, large = total // 2, total - total // 2
        found.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return found


def planar(g: Any, tensor: Any) -> Any:
    """Return a row of a picture: (N, C, W) becomes (N, C, 1, W)."""
    return g.p.unsqueeze(tensor, 2)


def _kernel(g: Any, name: str, linear: bool) -> tuple[Any, list[int]]:
    """Return the weights as a tensor, and their spatial sizes."""
    held = g.held.get(name)
    if held is not None:
        array = held[:, :, None] if linear else held
        return g.parameter(array, name), list(array.shape[2:])
    tensor = planar(g, g.tensor(name)) if linear else g.tensor(name)
    return tensor, g.whole(tensor)[2:]


def _spread(attrs: dict[str, Any], linear: bool) -> dict[str, Any]:
    """Return the attributes of a convolution over a row as those over a picture."""
    if not linear:
        return attrs
    wide = dict(attrs)
    for key, fill in (("strides", 1), ("dilations", 1), ("output_padding", 0)):
        if key in wide:
            wide[key] = [fill, *wide[key]]
    if "pads" in wide:
        before, after = wide["pads"]
        wide["pads"] = [0, before, 0, after]
    return wide


def _bias(g: Any, node: Any) -> Any:
    name = node.input[2] if len(node.input) > 2 else ""
    if not name:
        return None
    held = g.held.get(name)
    return g.tensor(name) if held is None else g.parameter(held, name)


def _convolution(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    linear = len(x.shape) == 3
    weight, kernel = _kernel(g, node.input[1], linear)
    attrs, x = _spread(attrs, linear), planar(g, x) if linear else x
    rank = len(kernel)
    flat = [edge for pair in edges(x, attrs, kernel) for edge in pair]
    made = getattr(g.F, f"conv{rank}d")(
        x,
        weight,
        _bias(g, node),
        stride=list(attrs.get("strides", [1] * rank)),
        padding=flat[::2] if flat[::2] == flat[1::2] else flat,
        dilation=list(attrs.get("dilations", [1] * rank)),
        groups=attrs.get("group", 1),
    )
    return g.p.squeeze(made, 2) if linear else made


def _deconvolution(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    linear = len(x.shape) == 3
    weight, kernel = _kernel(g, node.input[1], linear)
    if "output_shape" in attrs:
        raise UnsupportedFeature("ConvTranspose with an output_shape is not written")
    attrs, x = _spread(attrs, linear), planar(g, x) if linear else x
    rank = len(kernel)
    steps = list(attrs.get("strides", [1] * rank))
    apart = list(attrs.get("dilations", [1] * rank))
    more = list(attrs.get("output_padding", [0] * rank))
    pairs = _cut(attrs, kernel, steps, apart, more)
    flat = [edge for pair in pairs for edge in pair]
    made = getattr(g.F, f"conv{rank}d_transpose")(
        x,
        weight,
        _bias(g, node),
        stride=steps,
        padding=flat[::2] if flat[::2] == flat[1::2] else flat,
        output_padding=more,
        groups=attrs.get("group", 1),
        dilation=apart,
    )
    return g.p.squeeze(made, 2) if linear else made


def _cut(attrs: dict[str, Any], kernel: Any, steps: Any, apart: Any, more: Any) -> Any:
    """Return what a ConvTranspose cuts off at each end."""
    mode = attrs.get("auto_pad", "NOTSET")
    if mode not in {"SAME_UPPER", "SAME_LOWER"}:
        return edges(None, attrs, kernel)
    found = []
    for width, step, gap, extra in zip(kernel, steps, apart, more):
        total = max((width - 1) * gap + 1 + extra - step, 0)
        small, large = total // 2, total - total // 2
        found.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return found


def _batch_norm(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    if attrs.get("training_mode"):
        raise UnsupportedFeature("BatchNormalization in training mode is not written")
    scale, bias, mean, variance = (g.parameter(g.value(n), n) for n in node.input[1:5])
    return g.F.batch_norm(
        g.tensor(node.input[0]),
        mean,
        variance,
        scale,
        bias,
        training=False,
        epsilon=attrs.get("epsilon", 1e-5),
    )


def _centred(g: Any, x: Any, axes: list[int], epsilon: float) -> Any:
    """Return ``x`` less its mean, divided by its deviation over ``axes``."""
    middle = x - g.p.mean(x, axis=axes, keepdim=True)
    variance = g.p.mean(middle * middle, axis=axes, keepdim=True)
    return middle / g.p.sqrt(variance + epsilon)


def _layer_norm(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    if any(node.output[1:]):
        raise UnsupportedFeature("LayerNormalization whose mean or deviation is used")
    x = g.tensor(node.input[0])
    rank = len(x.shape)
    axes = list(range(attrs.get("axis", -1) % rank, rank))
    made = _centred(g, x, axes, attrs.get("epsilon", 1e-5)) * g.tensor(node.input[1])
    more = len(node.input) > 2 and node.input[2]
    return made + g.tensor(node.input[2]) if more else made


def _instance_norm(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    rank = len(x.shape)
    made = _centred(g, x, list(range(2, rank)), attrs.get("epsilon", 1e-5))
    scale, bias = (g.p.reshape(g.tensor(n), [1, -1, *[1] * (rank - 2)]) for n in node.input[1:3])
    return made * scale + bias


def _gemm(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    left, right = map(g.tensor, node.input[:2])
    turned = {"transpose_x": bool(attrs.get("transA")), "transpose_y": bool(attrs.get("transB"))}
    made = g.p.matmul(left, right, **turned)
    if attrs.get("alpha", 1.0) != 1.0:
        made = made * attrs["alpha"]
    if len(node.input) > 2 and node.input[2]:
        bias = g.tensor(node.input[2])
        factor = attrs.get("beta", 1.0)
        made = made + (bias if factor == 1.0 else bias * factor)
    return made


def _product(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return g.p.matmul(*map(g.tensor, node.input))


def _local_response(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    """Sum the squares of neighbouring channels: Paddle's own puts even windows elsewhere."""
    x, size = g.tensor(node.input[0]), attrs["size"]
    rank, channels = len(x.shape), int(x.shape[1])
    before = math.floor((size - 1) / 2)
    flat = [0, 0, before, size - 1 - before, *[0, 0] * (rank - 2)]
    squares = g.F.pad(x * x, flat, mode="constant", value=0.0)
    total = None
    for start in range(size):
        part = g.p.slice(squares, [1], [start], [start + channels])
        total = part if total is None else total + part
    base = total * (attrs.get("alpha", 1e-4) / size) + attrs.get("bias", 1.0)
    return x / g.p.pow(base, attrs.get("beta", 0.75))


TABLE: dict[str, Any] = {
    "Conv": _convolution,
    "ConvTranspose": _deconvolution,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "InstanceNormalization": _instance_norm,
    "Gemm": _gemm,
    "MatMul": _product,
    "LRN": _local_response,
}

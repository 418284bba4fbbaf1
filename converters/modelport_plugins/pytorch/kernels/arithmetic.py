"""Arithmetic where ONNX and PyTorch differ in detail."""

# TorchScript takes no starred lists and few comprehensions, and keeps no keywords.
# ruff: noqa: PERF401, PERF402

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def divide(x: Tensor, y: Tensor) -> Tensor:
    """Div: integers are truncated towards zero."""
    if x.is_floating_point():
        return torch.div(x, y)
    return torch.div(x, y, rounding_mode="trunc")


def power(x: Tensor, y: Tensor) -> Tensor:
    """Pow: the result has the type of the base."""
    return torch.pow(x, y.to(x.dtype) if x.is_floating_point() else y).to(x.dtype)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """PRelu with any slope that broadcasts."""
    return torch.where(x < 0, x * slope, x)


def clip(x: Tensor, low: Tensor | None, high: Tensor | None) -> Tensor:
    """Clip with bounds that are tensors."""
    if low is not None:
        x = torch.maximum(x, low.to(x.dtype))
    if high is not None:
        x = torch.minimum(x, high.to(x.dtype))
    return x


def softmax_flat(x: Tensor, axis: int, log: bool) -> Tensor:
    """Softmax and LogSoftmax before opset 13: over all axes from ``axis`` on at once."""
    place = axis + x.dim() if axis < 0 else axis
    rows = 1
    for i in range(place):
        rows *= x.size(i)
    flat = torch.reshape(x, [rows, -1])
    y = torch.log_softmax(flat, 1) if log else torch.softmax(flat, 1)
    return torch.reshape(y, x.size())


def axes_of(x: Tensor, axes: list[int]) -> list[int]:
    """Return ``axes`` counted from the front; all of them where none are given."""
    result: list[int] = []
    for axis in axes:
        result.append(axis + x.dim() if axis < 0 else axis)
    if len(axes) == 0:
        for axis in range(x.dim()):
            result.append(axis)
    return result


def reduce_prod(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    """ReduceProd over several axes."""
    found = axes_of(x, axes)
    for axis in found:
        x = torch.prod(x, axis, keepdim=True)
    if not keep:
        for axis in sorted(found)[::-1]:
            x = torch.squeeze(x, axis)
    return x


def global_mean(x: Tensor) -> Tensor:
    """GlobalAveragePool over every axis behind the channels."""
    return torch.mean(x, list(range(2, x.dim())), keepdim=True)


def global_max(x: Tensor) -> Tensor:
    """GlobalMaxPool over every axis behind the channels."""
    return torch.amax(x, list(range(2, x.dim())), keepdim=True)


def local_response(x: Tensor, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    """LRN across channels; the window reaches one further back where its size is even."""
    square = torch.unsqueeze(torch.reshape(x * x, [x.size(0), x.size(1), -1]), 1)
    before = (size - 1) // 2
    padded = torch.constant_pad_nd(square, [0, 0, before, size - 1 - before], 0.0)
    mean = torch.squeeze(torch.nn.functional.avg_pool2d(padded, [size, 1], [1, 1]), 1)
    return x / torch.pow(torch.reshape(mean, x.size()) * alpha + bias, beta)


def layer_norm(x: Tensor, scale: Tensor, bias: Tensor | None, axis: int, epsilon: float) -> Tensor:
    """LayerNormalization over the axes from ``axis`` on; scale and bias broadcast."""
    place = axis + x.dim() if axis < 0 else axis
    y = torch.layer_norm(x, x.size()[place:], None, None, epsilon) * scale
    return y if bias is None else y + bias


def group_norm(x: Tensor, groups: int, scale: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """GroupNormalization; before opset 21 scale and bias are given a group."""
    if scale.size(0) == x.size(1):
        return torch.group_norm(x, groups, scale, bias, epsilon)
    repeats = x.size(1) // groups
    wide = torch.repeat_interleave(scale, repeats)
    return torch.group_norm(x, groups, wide, torch.repeat_interleave(bias, repeats), epsilon)


def hardmax(x: Tensor, axis: int) -> Tensor:
    """Hardmax: one at the first largest value."""
    place = torch.argmax(x, axis, keepdim=True)
    return torch.zeros_like(x).scatter(axis, place, 1.0)


def cumulative(x: Tensor, axis: int, exclusive: bool, reverse: bool) -> Tensor:
    """CumSum in both directions, with or without the element itself."""
    y = torch.flip(x, [axis]) if reverse else x
    total = torch.cumsum(y, axis).to(x.dtype)
    if exclusive:
        total = total - y
    return torch.flip(total, [axis]) if reverse else total

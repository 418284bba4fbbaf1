"""Pooling and automatic padding."""

# TorchScript takes no starred lists and few comprehensions, and keeps no keywords.
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def same_pads(
    x: Tensor, kernel: list[int], strides: list[int], dilations: list[int], upper: bool
) -> list[int]:
    """Return pads (last axis first, as PyTorch wants them) of SAME_UPPER or SAME_LOWER."""
    pads: list[int] = []
    for i in range(len(kernel)):
        axis = len(kernel) - 1 - i
        size = x.size(axis + 2)
        count = (size + strides[axis] - 1) // strides[axis]
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = max((count - 1) * strides[axis] + reach - size, 0)
        small = total // 2
        pads.append(small if upper else total - small)
        pads.append(total - small if upper else small)
    return pads


def pad_same(
    x: Tensor,
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    upper: bool,
    value: float,
) -> Tensor:
    """Pad as SAME_UPPER or SAME_LOWER asks."""
    return torch.constant_pad_nd(x, same_pads(x, kernel, strides, dilations, upper), value)


def room(
    x: Tensor, kernel: list[int], strides: list[int], dilations: list[int], pads: list[int]
) -> list[int]:
    """Return extra pads behind, so that windows which ``ceil_mode`` adds lie inside.

    ``pads`` are ONNX's; a window that would begin in the padding behind is left out.
    """
    extra: list[int] = []
    count = len(kernel)
    for i in range(count):
        axis = count - 1 - i
        size = x.size(axis + 2) + pads[axis] + pads[axis + count]
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        steps = (size - reach + strides[axis] - 1) // strides[axis]
        if steps * strides[axis] >= x.size(axis + 2) + pads[axis]:
            steps -= 1
        extra.append(0)
        extra.append(max(steps * strides[axis] + reach - size, 0))
    return extra


def spread(pads: list[int]) -> list[int]:
    """Return ONNX pads (all begins, all ends) in PyTorch's order."""
    count = len(pads) // 2
    result: list[int] = []
    for i in range(count):
        result.append(pads[count - 1 - i])
        result.append(pads[2 * count - 1 - i])
    return result


def average(x: Tensor, kernel: list[int], strides: list[int]) -> Tensor:
    """Return means over windows without padding, for one to three spatial axes."""
    if len(kernel) == 1:
        return torch.nn.functional.avg_pool1d(x, kernel, strides)
    if len(kernel) == 2:
        return torch.nn.functional.avg_pool2d(x, kernel, strides)
    return torch.nn.functional.avg_pool3d(x, kernel, strides)


def average_padded(
    x: Tensor,
    kernel: list[int],
    strides: list[int],
    pads: list[int],
    ceil: bool,
    count_pads: bool,
) -> Tensor:
    """AveragePool with any padding; only what is counted enters the mean."""
    ones = torch.ones_like(x[:1, :1])
    ones = torch.constant_pad_nd(ones, spread(pads), 1.0 if count_pads else 0.0)
    padded = torch.constant_pad_nd(x, spread(pads), 0.0)
    if ceil:
        more = room(x, kernel, strides, [1] * len(kernel), pads)
        ones = torch.constant_pad_nd(ones, more, 0.0)
        padded = torch.constant_pad_nd(padded, more, 0.0)
    return average(padded, kernel, strides) / average(ones, kernel, strides)


def lp_pool(x: Tensor, kernel: list[int], strides: list[int], p: float) -> Tensor:
    """LpPool without padding."""
    count = 1
    for size in kernel:
        count *= size
    return torch.pow(average(torch.pow(torch.abs(x), p), kernel, strides) * count, 1.0 / p)

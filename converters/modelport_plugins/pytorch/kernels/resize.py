"""Resize by index arithmetic, axis by axis, for any rank."""

# TorchScript takes no starred lists and few comprehensions, and keeps no keywords.
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def origin(size: int, target: int, scale: float, mode: str) -> Tensor:
    """Return where each of ``target`` places lies in an axis of ``size``."""
    place = torch.arange(target, dtype=torch.float32)
    if mode == "asymmetric":
        return place / scale
    if mode == "align_corners":
        return place * (float(size - 1) / float(max(target - 1, 1)))
    if mode == "pytorch_half_pixel" and target == 1:
        return torch.zeros([1])
    if mode == "half_pixel_symmetric":
        adjust = float(target) / (scale * float(size))
        centre = float(size) / 2.0
        return centre * (1.0 - adjust) + (place + 0.5) / scale - 0.5
    return (place + 0.5) / scale - 0.5


def nearest(x: Tensor, axis: int, target: int, scale: float, mode: str, rounding: str) -> Tensor:
    """Take the nearest element along one axis."""
    at = origin(x.size(axis), target, scale, mode)
    if rounding == "floor":
        at = torch.floor(at)
    elif rounding == "ceil":
        at = torch.ceil(at)
    elif rounding == "round_prefer_ceil":
        at = torch.floor(at + 0.5)
    else:
        at = torch.ceil(at - 0.5)
    return torch.index_select(x, axis, torch.clamp(at, 0, x.size(axis) - 1).to(torch.int64))


def along(weight: Tensor, x: Tensor, axis: int) -> Tensor:
    """Return a vector shaped so that it broadcasts along ``axis`` of ``x``."""
    shape = [1] * x.dim()
    shape[axis] = -1
    return torch.reshape(weight.to(x.dtype), shape)


def linear(x: Tensor, axis: int, target: int, scale: float, mode: str) -> Tensor:
    """Interpolate between two neighbours along one axis."""
    size = x.size(axis)
    at = torch.clamp(origin(size, target, scale, mode), 0.0, float(size - 1))
    low = torch.floor(at)
    share = along(at - low, x, axis)
    first = low.to(torch.int64)
    second = torch.clamp(first + 1, max=size - 1)
    left, right = torch.index_select(x, axis, first), torch.index_select(x, axis, second)
    return left * (1 - share) + right * share


def cubic(x: Tensor, axis: int, target: int, scale: float, mode: str, a: float) -> Tensor:
    """Interpolate between four neighbours along one axis, with the Keys kernel ``a``."""
    size = x.size(axis)
    at = origin(size, target, scale, mode)
    low = torch.floor(at)
    t = at - low
    weights = [
        ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a,
        ((a + 2) * t - (a + 3)) * t * t + 1,
        ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1,
        ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a,
    ]
    first = low.to(torch.int64) - 1
    total = torch.zeros_like(torch.index_select(x, axis, torch.clamp(first, 0, size - 1)))
    for i, weight in enumerate(weights):
        part = torch.index_select(x, axis, torch.clamp(first + i, 0, size - 1))
        total = total + part * along(weight, x, axis)
    return total


def resize(
    x: Tensor,
    sizes: list[int],
    scales: list[float],
    axes: list[int],
    kind: str,
    mode: str,
    rounding: str,
    a: float,
) -> Tensor:
    """Resize ``axes`` to ``sizes`` (if given) or by ``scales``."""
    count = len(sizes) if len(sizes) > 0 else len(scales)
    for i in range(count):
        axis = axes[i] if len(axes) > 0 else i
        old = x.size(axis)
        if len(sizes) > 0:
            target = sizes[i]
            scale = float(target) / float(old)
        else:
            scale = scales[i]
            target = int(float(old) * scale)
        if target != old or scale != 1.0:
            if kind == "nearest":
                x = nearest(x, axis, target, scale, mode, rounding)
            elif kind == "cubic":
                x = cubic(x, axis, target, scale, mode, a)
            else:
                x = linear(x, axis, target, scale, mode)
    return x


def floats(x: Tensor) -> list[float]:
    """Return the elements of a float tensor."""
    result: list[float] = torch.reshape(x, [-1]).double().tolist()
    return result

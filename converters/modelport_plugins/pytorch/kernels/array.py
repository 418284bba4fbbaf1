"""Shape-changing operators: reshape, slice, pad, tile, expand."""

# TorchScript takes no starred lists and few comprehensions, and keeps no keywords.
# ruff: noqa: PERF401

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def reshape(x: Tensor, shape: list[int], zero_is_zero: bool) -> Tensor:
    """Reshape: 0 keeps the size, unless ``allowzero`` says otherwise."""
    sizes: list[int] = []
    for i, size in enumerate(shape):
        sizes.append(x.size(i) if size == 0 and not zero_is_zero else size)
    return torch.reshape(x, sizes)


def flatten(x: Tensor, axis: int) -> Tensor:
    """Flatten to two axes, split before ``axis``."""
    place = axis + x.dim() if axis < 0 else axis
    rows = 1
    for i in range(place):
        rows *= x.size(i)
    if x.numel() == 0:
        columns = 1
        for i in range(place, x.dim()):
            columns *= x.size(i)
        return torch.reshape(x, [rows, columns])
    return torch.reshape(x, [rows, -1])


def squeeze(x: Tensor, axes: list[int]) -> Tensor:
    """Squeeze the axes given, each of which must be of size 1."""
    places: list[int] = []
    for axis in axes:
        places.append(axis + x.dim() if axis < 0 else axis)
    for place in sorted(places)[::-1]:
        x = torch.squeeze(x, place)
    return x


def unsqueeze(x: Tensor, axes: list[int]) -> Tensor:
    """Unsqueeze: the axes count in the result."""
    rank = x.dim() + len(axes)
    places: list[int] = []
    for axis in axes:
        places.append(axis + rank if axis < 0 else axis)
    for place in sorted(places):
        x = torch.unsqueeze(x, place)
    return x


def reverse(x: Tensor) -> Tensor:
    """Transpose without ``perm``: all axes in reverse order."""
    return torch.permute(x, list(range(x.dim()))[::-1])


def expand(x: Tensor, shape: list[int]) -> Tensor:
    """Expand: broadcast in both directions."""
    rank = max(x.dim(), len(shape))
    sizes: list[int] = []
    for i in range(rank):
        mine = x.size(i - rank + x.dim()) if i >= rank - x.dim() else 1
        asked = shape[i - rank + len(shape)] if i >= rank - len(shape) else 1
        sizes.append(asked if mine == 1 else mine)
    return x.expand(sizes)


def slice_axis(x: Tensor, axis: int, start: int, end: int, step: int) -> Tensor:
    """Slice along one axis; a negative step walks backwards, as ONNX defines it."""
    if step > 0:
        return torch.ops.aten.slice(x, axis, start, end, step)
    size = x.size(axis)
    first = start + size if start < 0 else start
    first = max(min(first, size - 1), 0)
    last = end + size if end < 0 else end
    last = max(min(last, size - 1), -1)
    if last >= first:
        return torch.ops.aten.slice(x, axis, 0, 0, 1)
    return torch.index_select(x, axis, torch.arange(first, last, step))


def slice_all(
    x: Tensor, starts: list[int], ends: list[int], axes: list[int], steps: list[int]
) -> Tensor:
    """Slice along several axes."""
    for i, start in enumerate(starts):
        axis = axes[i] if len(axes) > 0 else i
        step = steps[i] if len(steps) > 0 else 1
        x = slice_axis(x, axis, start, ends[i], step)
    return x


def full_pads(x: Tensor, pads: list[int], axes: list[int]) -> list[int]:
    """Return pads for every axis out of those for ``axes``."""
    if len(axes) == 0:
        return pads
    result = [0] * (2 * x.dim())
    for i, axis in enumerate(axes):
        place = axis + x.dim() if axis < 0 else axis
        result[place] = pads[i]
        result[place + x.dim()] = pads[i + len(axes)]
    return result


def pad_constant(x: Tensor, pads: list[int], axes: list[int], value: float) -> Tensor:
    """Pad with a constant; negative pads crop."""
    full = full_pads(x, pads, axes)
    reversed_pads: list[int] = []
    for i in range(x.dim()):
        axis = x.dim() - 1 - i
        reversed_pads.append(full[axis])
        reversed_pads.append(full[axis + x.dim()])
    return torch.constant_pad_nd(x, reversed_pads, value)


def pad_indexed(x: Tensor, pads: list[int], axes: list[int], mode: str) -> Tensor:
    """Pad by ``reflect``, ``edge`` or ``wrap``, on tensors of any rank."""
    full = full_pads(x, pads, axes)
    for axis in range(x.dim()):
        before, after, size = full[axis], full[axis + x.dim()], x.size(axis)
        if before != 0 or after != 0:
            place = torch.arange(-before, size + after)
            if mode == "edge":
                place = torch.clamp(place, 0, size - 1)
            elif mode == "wrap":
                place = torch.remainder(place, size)
            else:
                period = max(2 * (size - 1), 1)
                place = torch.remainder(place, period)
                place = torch.where(place >= size, period - place, place)
            x = torch.index_select(x, axis, place)
    return x


def depth_to_space(x: Tensor, block: int, columns_first: bool) -> Tensor:
    """DepthToSpace in both modes, ``CRD`` and ``DCR``."""
    n, c, h, w = x.size(0), x.size(1), x.size(2), x.size(3)
    deep = c // (block * block)
    if columns_first:
        y = torch.reshape(x, [n, deep, block, block, h, w]).permute([0, 1, 4, 2, 5, 3])
    else:
        y = torch.reshape(x, [n, block, block, deep, h, w]).permute([0, 3, 4, 1, 5, 2])
    return torch.reshape(y, [n, deep, h * block, w * block])


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """SpaceToDepth."""
    n, c, h, w = x.size(0), x.size(1), x.size(2), x.size(3)
    y = torch.reshape(x, [n, c, h // block, block, w // block, block]).permute([0, 3, 5, 1, 2, 4])
    return torch.reshape(y, [n, c * block * block, h // block, w // block])

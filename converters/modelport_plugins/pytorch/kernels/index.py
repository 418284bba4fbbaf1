"""Operators that address elements by index."""

# TorchScript takes no starred lists and few comprehensions, and keeps no keywords.
# ruff: noqa: RUF005

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def wrapped(places: Tensor, size: int) -> Tensor:
    """Return indices as int64, with negative ones counted from the end."""
    places = places.to(torch.int64)
    return torch.where(places < 0, places + size, places)


def gather(x: Tensor, places: Tensor, axis: int) -> Tensor:
    """Gather: replace ``axis`` by the axes of the indices."""
    axis = axis + x.dim() if axis < 0 else axis
    flat = torch.reshape(wrapped(places, x.size(axis)), [-1])
    shape = x.size()[:axis] + places.size() + x.size()[axis + 1 :]
    return torch.reshape(torch.index_select(x, axis, flat), shape)


def gather_elements(x: Tensor, places: Tensor, axis: int) -> Tensor:
    """GatherElements."""
    return torch.gather(x, axis, wrapped(places, x.size(axis)))


def gather_nd(x: Tensor, places: Tensor, batch: int) -> Tensor:
    """GatherND: the last axis of the indices addresses axes of ``x`` behind ``batch``."""
    depth = places.size(places.dim() - 1)
    lead = x.size()[:batch]
    rest = x.size()[batch + depth :]
    flat = torch.zeros(places.size()[:-1], dtype=torch.int64)
    for i in range(depth):
        size = x.size(batch + i)
        flat = flat * size + wrapped(torch.select(places, -1, i), size)
    rows = 1
    for i in range(batch):
        rows *= x.size(i)
    inner = torch.reshape(flat, [rows, -1])
    table = torch.reshape(x, [rows, -1] + rest)
    span = table.size(1)
    offset = torch.unsqueeze(torch.arange(rows) * span, 1)
    chosen = torch.index_select(
        torch.reshape(table, [rows * span] + rest), 0, torch.reshape(inner + offset, [-1])
    )
    return torch.reshape(chosen, lead + places.size()[batch:-1] + rest)


def scatter_elements(x: Tensor, places: Tensor, updates: Tensor, axis: int, mode: str) -> Tensor:
    """ScatterElements with its reductions."""
    at = wrapped(places, x.size(axis))
    if mode == "none":
        return x.scatter(axis, at, updates)
    if mode == "add":
        return x.scatter_add(axis, at, updates)
    name = "prod" if mode == "mul" else "amax" if mode == "max" else "amin"
    return x.scatter_reduce(axis, at, updates, name)


def scatter_nd(x: Tensor, places: Tensor, updates: Tensor, mode: str) -> Tensor:
    """ScatterND with its reductions."""
    depth = places.size(places.dim() - 1)
    rest = x.size()[depth:]
    flat = torch.zeros(places.size()[:-1], dtype=torch.int64)
    for i in range(depth):
        flat = flat * x.size(i) + wrapped(torch.select(places, -1, i), x.size(i))
    flat = torch.reshape(flat, [-1])
    table = torch.reshape(x, [-1] + rest)
    rows = torch.reshape(updates, [-1] + rest)
    if mode == "none":
        return torch.reshape(table.index_copy(0, flat, rows), x.size())
    if mode == "add":
        return torch.reshape(table.index_add(0, flat, rows), x.size())
    name = "prod" if mode == "mul" else "amax" if mode == "max" else "amin"
    return torch.reshape(table.index_reduce(0, flat, rows, name), x.size())


def one_hot(places: Tensor, depth: int, values: Tensor, axis: int) -> Tensor:
    """OneHot with the off and on values given; indices outside give the off value."""
    at = places.to(torch.int64)
    at = torch.where(at < 0, at + depth, at)
    hot = torch.unsqueeze(at, -1) == torch.arange(depth)
    y = torch.where(hot, values[1], values[0])
    place = axis + y.dim() if axis < 0 else axis
    return torch.movedim(y, -1, place)


def non_zero(x: Tensor) -> Tensor:
    """NonZero: one row an axis."""
    return torch.t(torch.nonzero(x))


def compress(x: Tensor, keep: Tensor, axis: int) -> Tensor:
    """Compress along one axis."""
    return torch.index_select(x, axis, torch.reshape(torch.nonzero(keep), [-1]))


def eye_like(x: Tensor, k: int) -> Tensor:
    """EyeLike: ones on the k-th diagonal."""
    rows = torch.unsqueeze(torch.arange(x.size(0)), 1)
    return (torch.arange(x.size(1)) - rows == k).to(x.dtype)


def reverse_sequence(x: Tensor, lengths: Tensor, batch_axis: int, time_axis: int) -> Tensor:
    """ReverseSequence: the first ``lengths[b]`` steps of every item backwards."""
    y = torch.movedim(x, [batch_axis, time_axis], [0, 1])
    steps = torch.unsqueeze(torch.arange(y.size(1)), 0)
    ends = torch.unsqueeze(lengths.to(torch.int64), 1)
    at = torch.where(steps < ends, ends - 1 - steps, steps)
    at = torch.reshape(at, list(at.size()) + [1] * (y.dim() - 2)).expand(y.size())
    return torch.movedim(torch.gather(y, 1, at), [0, 1], [batch_axis, time_axis])

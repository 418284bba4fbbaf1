"""Sizes as lists of integers: what ONNX computes with small int64 tensors."""

# TorchScript takes no starred lists and few comprehensions, and keeps no keywords.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def ints(x: Tensor) -> list[int]:
    """Return the elements of an integer tensor."""
    result: list[int] = torch.reshape(x, [-1]).tolist()
    return result


def integer(x: Tensor) -> int:
    """Return the one element of an integer tensor."""
    return int(torch.reshape(x, [-1])[0].item())


def truth(x: Tensor) -> bool:
    """Return the one element of a tensor as a condition."""
    return bool(torch.reshape(x, [-1])[0].item())


def tensor(x: list[int]) -> Tensor:
    """Return the integers as a tensor of rank 1."""
    return torch.tensor(x, dtype=torch.int64)


def scalar(x: int) -> Tensor:
    """Return the integer as a tensor of rank 0."""
    return torch.tensor(x, dtype=torch.int64)


def condition(x: bool) -> Tensor:
    """Return the condition as a tensor of rank 0."""
    return torch.tensor(x, dtype=torch.bool)


def chosen(x: list[int], places: list[int]) -> list[int]:
    """Gather on a list."""
    return [x[place] for place in places]


def product(x: list[int]) -> int:
    """ReduceProd on a list."""
    total = 1
    for item in x:
        total = total * item
    return total


def truncated(x: int, y: int) -> int:
    """Div of integers: towards zero."""
    quotient = abs(x) // abs(y)
    return quotient if (x >= 0) == (y >= 0) else -quotient


def stepped(x: list[int], start: int, end: int, step: int) -> list[int]:
    """Slice on a list, in both directions."""
    if step > 0:
        return x[start:end:step]
    result: list[int] = []
    place = min(start + len(x) if start < 0 else start, len(x) - 1)
    last = max(end + len(x) if end < 0 else end, -1)
    while place > last:
        result.append(x[place])
        place += step
    return result


def same(x: list[int], y: list[int]) -> bool:
    """Equal on lists of one element each."""
    return x[0] == y[0]

"""Recurrent layers that PyTorch has no counterpart for."""

# TorchScript takes no starred lists and few comprehensions, and keeps no keywords.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def zeros_state(x: Tensor, directions: int, hidden: int) -> Tensor:
    """Return an initial state for ``x`` of shape (steps, batch, features)."""
    return torch.zeros([directions, x.size(1), hidden], dtype=x.dtype)


def split_directions(y: Tensor, directions: int) -> Tensor:
    """Turn (steps, batch, directions * hidden) into ONNX's (steps, directions, batch, hidden)."""
    shaped = torch.reshape(y, [y.size(0), y.size(1), directions, -1])
    return torch.permute(shaped, [0, 2, 1, 3])


def gru_reset_first(x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """GRU with ``linear_before_reset = 0``; gates z, r, h; one direction.

    Shapes: x (steps, batch, in), h (batch, hidden), w (3 hidden, in), r (3 hidden, hidden),
    b (6 hidden).
    """
    size = h.size(1)
    wide = torch.nn.functional.linear(x, w, b[: 3 * size])
    rz, rn = r[: 2 * size], r[2 * size :]
    bz, bn = b[3 * size : 5 * size], b[5 * size :]
    steps: list[Tensor] = []
    for i in range(x.size(0)):
        part = wide[i]
        gates = torch.sigmoid(part[:, : 2 * size] + torch.nn.functional.linear(h, rz, bz))
        z, reset = gates[:, :size], gates[:, size:]
        new = torch.tanh(part[:, 2 * size :] + torch.nn.functional.linear(reset * h, rn, bn))
        h = (1.0 - z) * new + z * h
        steps.append(h)
    return torch.stack(steps), h

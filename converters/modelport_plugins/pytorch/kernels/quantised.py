"""Quantised operators, computed with the same roundings in float arithmetic."""

# TorchScript takes no starred lists and few comprehensions, and keeps no keywords.
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def on_axis(x: Tensor, like: Tensor, axis: int) -> Tensor:
    """Return a scale or zero point shaped so that it broadcasts along ``axis`` of ``like``."""
    if x.numel() == 1:
        return torch.reshape(x, [])
    shape = [1] * like.dim()
    shape[axis] = -1
    return torch.reshape(x, shape)


def quantize(x: Tensor, scale: Tensor, zero: Tensor, axis: int) -> Tensor:
    """QuantizeLinear: round half to even, then saturate."""
    low, high = (-128, 127) if zero.dtype == torch.int8 else (0, 255)
    y = torch.round(x / on_axis(scale, x, axis)) + on_axis(zero, x, axis).to(x.dtype)
    return torch.clamp(y, low, high).to(zero.dtype)


def dequantize(x: Tensor, scale: Tensor, zero: Tensor | None, axis: int) -> Tensor:
    """DequantizeLinear."""
    y = x.to(torch.int32)
    if zero is not None:
        y = y - on_axis(zero, x, axis).to(torch.int32)
    return y.to(scale.dtype) * on_axis(scale, x, axis)


def dynamic_quantize(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """DynamicQuantizeLinear: uint8 over the range of ``x``, zero always inside."""
    low = torch.clamp(torch.amin(x), max=0.0)
    high = torch.clamp(torch.amax(x), min=0.0)
    scale = (high - low) / 255.0
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero = torch.clamp(torch.round(-low / scale), 0.0, 255.0)
    y = torch.clamp(torch.round(x / scale) + zero, 0.0, 255.0)
    return y.to(torch.uint8), scale, zero.to(torch.uint8)


def shifted(x: Tensor, zero: Tensor | None, axis: int) -> Tensor:
    """Return quantised values less their zero point, in double precision: sums stay exact."""
    y = x.to(torch.float64)
    if zero is not None:
        y = y - on_axis(zero, x, axis).to(torch.float64)
    return y


def matmul_integer(x: Tensor, y: Tensor, xz: Tensor | None, yz: Tensor | None) -> Tensor:
    """MatMulInteger: exact 32-bit sums."""
    return torch.matmul(shifted(x, xz, -2), shifted(y, yz, -1)).to(torch.int32)


def lstm_dynamic(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor,
    h: Tensor,
    c: Tensor,
    wz: Tensor,
    rz: Tensor,
    ws: Tensor,
    rs: Tensor,
    backwards: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """DynamicQuantizeLSTM of one direction: activations are quantised before each product.

    Shapes: x (steps, batch, in), w (in, 4 hidden), r (hidden, 4 hidden), b (8 hidden),
    h and c (batch, hidden); gates i, o, f, c.
    """
    size = h.size(1)
    weight = shifted(w, wz, -1)
    recurrent = shifted(r, rz, -1)
    bias = b[: 4 * size] + b[4 * size :]
    y, scale, zero = dynamic_quantize(x)
    wide = torch.matmul(shifted(y, zero, 0), weight).to(x.dtype) * (scale * ws) + bias
    steps: list[Tensor] = []
    for i in range(x.size(0)):
        at = x.size(0) - 1 - i if backwards else i
        y, scale, zero = dynamic_quantize(h)
        own = torch.matmul(shifted(y, zero, 0), recurrent).to(x.dtype) * (scale * rs)
        gates = wide[at] + own
        c = torch.sigmoid(gates[:, 2 * size : 3 * size]) * c + torch.sigmoid(
            gates[:, :size]
        ) * torch.tanh(gates[:, 3 * size :])
        h = torch.sigmoid(gates[:, size : 2 * size]) * torch.tanh(c)
        steps.append(h)
    if backwards:
        steps.reverse()
    return torch.stack(steps), h, c

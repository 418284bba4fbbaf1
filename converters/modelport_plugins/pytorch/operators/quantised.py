"""Quantised operators, those of ONNX Runtime's dynamic quantiser among them."""

from __future__ import annotations

from typing import Any

from modelport_plugins.pytorch.operators.elementwise import template
from modelport_plugins.pytorch.source import Source
from modelport_sdk import UnsupportedOperator


def _quantize(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, scale = src.tensor(node.input[0]), src.tensor(node.input[1])
    given = len(node.input) > 2 and node.input[2]
    zero = src.tensor(node.input[2]) if given else f"torch.zeros_like({scale}, dtype=torch.uint8)"
    src.set(node.output[0], f"quantised.quantize({x}, {scale}, {zero}, {attrs.get('axis', 1)})")


def _dequantize(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if attrs.get("block_size"):
        raise UnsupportedOperator("blocked quantisation", operators=["DequantizeLinear"])
    x, scale, zero = (
        src.tensor(node.input[0]),
        src.tensor(node.input[1]),
        src.optional(node.input, 2),
    )
    src.set(node.output[0], f"quantised.dequantize({x}, {scale}, {zero}, {attrs.get('axis', 1)})")


def _dynamic(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    src.set_all(list(node.output), f"quantised.dynamic_quantize({src.tensor(node.input[0])})")


def _matmul_integer(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, y = src.tensor(node.input[0]), src.tensor(node.input[1])
    zeros = f"{src.optional(node.input, 2)}, {src.optional(node.input, 3)}"
    src.set(node.output[0], f"quantised.matmul_integer({x}, {y}, {zeros})")


def _lstm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Write DynamicQuantizeLSTM (com.microsoft), a direction at a time."""
    if (len(node.input) > 4 and node.input[4]) or "clip" in attrs or "activations" in attrs:
        usual = attrs.get("activations", ["Sigmoid", "Tanh", "Tanh"])
        if (
            "clip" in attrs
            or (len(node.input) > 4 and node.input[4])
            or {name.lower() for name in usual} != {"sigmoid", "tanh"}
        ):
            raise UnsupportedOperator(
                "DynamicQuantizeLSTM with lengths, clipping or other activations",
                operators=["DynamicQuantizeLSTM"],
            )
    x, w, r, b = (src.tensor(name) for name in node.input[:4])
    directions = 2 if attrs.get("direction") == "bidirectional" else 1
    states = []
    for place in (5, 6):
        given = place < len(node.input) and node.input[place]
        empty = f"recurrent.zeros_state({x}, {directions}, {attrs['hidden_size']})"
        states.append(src.tensor(node.input[place]) if given else empty)
    ws, wz, rs, rz = (src.tensor(name) for name in node.input[8:12])
    columns: list[list[str]] = [[], [], []]
    for d in range(directions):
        backwards = d == 1 or attrs.get("direction") == "reverse"
        own = ", ".join(f"{text}[{d}]" for text in (w, r, b, *states, wz, rz, ws, rs))
        names = [src.fresh() for _ in range(3)]
        src.line(f"{', '.join(names)} = quantised.lstm_dynamic({x}, {own}, {backwards})")
        for column, name in zip(columns, names, strict=True):
            column.append(name)
    for name, column, axis in zip(node.output, columns, (1, 0, 0), strict=False):
        if name:
            src.set(name, f"torch.stack([{', '.join(column)}], {axis})")


TABLE = {
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _dynamic,
    "MatMulInteger": _matmul_integer,
    "DynamicQuantizeLSTM": _lstm,
    "QLinearMatMul": template(
        "quantised.quantize(torch.matmul(quantised.dequantize({0}, {1}, {2}, -2),"
        " quantised.dequantize({3}, {4}, {5}, -1)), {6}, {7}, -1)"
    ),
}

"""Operators that pick and place elements by index."""

from __future__ import annotations

from typing import Any

from modelport_plugins.pytorch.operators.elementwise import template
from modelport_plugins.pytorch.source import Source


def _scatter(function: str) -> Any:
    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        operands = ", ".join(src.tensor(name) for name in node.input)
        axis = f"{attrs.get('axis', 0)}, " if function == "scatter_elements" else ""
        mode = attrs.get("reduction", "none")
        src.set(node.output[0], f'index.{function}({operands}, {axis}"{mode}")')

    return emit


def _one_hot(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    places, values = src.tensor(node.input[0]), src.tensor(node.input[2])
    rest = f"{src.int(node.input[1])}, {values}, {attrs.get('axis', -1)}"
    src.set(node.output[0], f"index.one_hot({places}, {rest})")


def _top_k(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x = src.tensor(node.input[0])
    count = src.int(node.input[1]) if len(node.input) > 1 else attrs["k"]
    flags = f"{bool(attrs.get('largest', 1))}, {bool(attrs.get('sorted', 1))}"
    src.set_all(list(node.output), f"torch.topk({x}, {count}, {attrs.get('axis', -1)}, {flags})")


def _compress(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, keep = src.tensor(node.input[0]), src.tensor(node.input[1])
    if "axis" not in attrs:
        x = f"torch.reshape({x}, [-1])"
    src.set(node.output[0], f"index.compress({x}, {keep}, {attrs.get('axis', 0)})")


TABLE = {
    "GatherElements": template("index.gather_elements({0}, {1}, {axis})", axis=0),
    "GatherND": template("index.gather_nd({0}, {1}, {batch_dims})", batch_dims=0),
    "ScatterElements": _scatter("scatter_elements"),
    "Scatter": _scatter("scatter_elements"),
    "ScatterND": _scatter("scatter_nd"),
    "OneHot": _one_hot,
    "TopK": _top_k,
    "NonZero": template("index.non_zero({0})"),
    "Compress": _compress,
    "EyeLike": template("index.eye_like({0}, {k})", k=0),
    "ReverseSequence": template(
        "index.reverse_sequence({0}, {1}, {batch_axis}, {time_axis})", batch_axis=1, time_axis=0
    ),
}

"""Reductions, running sums, and the places of extremes."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.module.source import Source


def _axes(src: Source, node: Any, attrs: dict[str, Any]) -> tuple[int, ...]:
    axes = attrs.get("axes")
    if len(node.input) > 1 and node.input[1]:
        axes = src.numbers(node.input[1])
    rank = len(src.shape(node.input[0]))
    if axes is None:
        axes = [] if attrs.get("noop_with_empty_axes") else range(rank)
    return tuple(sorted(axis % rank for axis in axes))


def _reduced(template: str) -> Any:
    """Return an entry that fills ``{x}`` with the input and ``{over}`` with axes and keepdim."""

    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        axes, x = _axes(src, node, attrs), src.tensor(node.input[0])
        over = f"dim={axes}, keepdim={bool(attrs.get('keepdims', 1))}"
        src.set(node.output[0], template.format(x=x, over=over) if axes else x)

    return emit


def _product(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    text, keep = src.tensor(node.input[0]), bool(attrs.get("keepdims", 1))
    for axis in reversed(_axes(src, node, attrs)):
        text = f"T.prod({text}, dim={axis}, keepdim={keep})"
    src.set(node.output[0], text)


def _best(function: str) -> Any:
    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        keep = bool(attrs.get("keepdims", 1))
        axis = attrs.get("axis", 0)
        x = src.tensor(node.input[0])
        src.set(node.output[0], f"T.{function}({x}, dim={axis}, keepdim={keep})")

    return emit


def _top(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    count, axis = src.numbers(node.input[1])[0], attrs.get("axis", -1)
    largest = bool(attrs.get("largest", 1))
    x = src.tensor(node.input[0])
    for place, output in enumerate(node.output):
        if output:
            src.set(output, f"T.topk({x}, {count}, dim={axis}, largest={largest})[{place}]")


def _running(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    axis = src.numbers(node.input[1])[0]
    src.set(node.output[0], f"T.cumsum({src.tensor(node.input[0])}, {axis})")


TABLE: dict[str, Any] = {
    "ReduceSum": _reduced("T.sum({x}, {over})"),
    "ReduceMean": _reduced("T.mean({x}, {over})"),
    "ReduceMax": _reduced("T.amax({x}, {over})"),
    "ReduceMin": _reduced("T.amin({x}, {over})"),
    "ReduceL1": _reduced("T.sum(T.abs({x}), {over})"),
    "ReduceL2": _reduced("T.sqrt(T.sum({x} * {x}, {over}))"),
    "ReduceSumSquare": _reduced("T.sum({x} * {x}, {over})"),
    "ReduceProd": _product,
    "ArgMax": _best("argmax"),
    "ArgMin": _best("argmin"),
    "TopK": _top,
    "CumSum": _running,
}

"""Softmax over another axis than the last, which MNN computes wrong."""

from __future__ import annotations

from typing import Any

SUM_BY_INPUT, MAXIMUM_BY_INPUT = 13, 18
"""Operator sets since which ReduceSum and ReduceMax take their axes as an input."""


def softmax_across(model: Any) -> int:
    """Write Softmax out where numbers lie behind its axis; return how many were changed.

    MNN 3.6.1 does not subtract the largest value there: with inputs around 100 or -100 every
    output is 1 / size, while LogSoftmax is right. The face detector PNet on pixels from 0 to
    255 was off by 0.5.
    """
    from modelport_onnx import graph, shape, writer

    if not any(_axis(node) is not None for node in graph.nodes(model)):
        return 0
    shape.infer(model)
    version = graph.opset(model)
    changed = 0
    for part in graph.subgraphs(model.graph):
        shapes = shape.known(model) if part is model.graph else {}

        def written(here: Any, node: Any, shapes: dict[str, list[Any]] = shapes) -> Any:
            axis = _axis(node)
            if axis is None or _last(axis, shapes.get(node.input[0])):
                return None
            return _written(here, node, axis, version)

        changed += writer.replaced_in(part, {"Softmax"}, written)
    return changed


def _axis(node: Any) -> int | None:
    """Return the axis of a Softmax that may not be the last; operator sets < 13 are settled."""
    from modelport_onnx import graph

    if node.op_type != "Softmax" or node.domain not in graph.DEFAULT_DOMAINS:
        return None
    axis = next((a.i for a in node.attribute if a.name == "axis"), -1)
    return None if axis == -1 else axis


def _last(axis: int, sizes: list[Any] | None) -> bool:
    return sizes is not None and all(size == 1 for size in sizes[axis % len(sizes) + 1 :])


def _written(part: Any, node: Any, axis: int, version: int) -> list[Any]:
    """Return nodes for ``e / sum(e)`` with ``e = exp(x - max(x))``."""
    from modelport_onnx.writer import Writer

    source, target = node.input[0], node.output[0]
    new = Writer(part, target)
    axes = new.constant([axis])

    def reduced(kind: str, name: str, since: int) -> str:
        if version >= since:
            return new.add(kind, [name, axes], keepdims=1)
        return new.add(kind, [name], keepdims=1, axes=[axis])

    moved = new.add("Sub", [source, reduced("ReduceMax", source, MAXIMUM_BY_INPUT)])
    powers = new.add("Exp", [moved])
    new.add("Div", [powers, reduced("ReduceSum", powers, SUM_BY_INPUT)], target)
    return new.nodes

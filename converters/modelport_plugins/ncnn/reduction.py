"""Reductions in the forms that pnnx reads right.

pnnx 20261020 loses the axis where it is an input with one element, and so lets the values
through or reduces over all of them; it has no pattern for a maximum with axes as input.
"""

from __future__ import annotations

from typing import Any

from modelport_plugins.ncnn.scope import Rule, Scope, attributes
from modelport_plugins.ncnn.writer import Writer

AXES_AS_INPUT = 18  # of all of them; ReduceSum's are one since 13
POOLS = {
    "ReduceMean": "AveragePool",
    "ReduceSum": "AveragePool",
    "ReduceMax": "MaxPool",
    "ReduceMin": "MaxPool",
}


def reduced(scope: Scope, node: Any) -> list[Any] | None:
    """Means, sums, maxima and minima, over the axes that pnnx would get wrong."""
    axes = _axes(scope, node)
    if not axes:
        return None
    if scope.version >= AXES_AS_INPUT:
        # A mean over several axes is read right.
        return None if node.op_type == "ReduceMean" and len(axes) > 1 else pooled(scope, node, axes)
    if node.op_type == "ReduceSum":
        return _summed(scope, node, axes) if len(axes) == 1 else None
    return _split(scope, node, axes) if node.op_type != "ReduceMean" and len(axes) > 1 else None


def pooled(scope: Scope, node: Any, axes: list[int]) -> list[Any] | None:
    """A reduction over neighbouring axes, as a pooling over one axis of four."""
    sizes = scope.static(node.input[0])
    first, last = axes[0], axes[-1]
    if sizes is None or first == 0 or sizes[0] != 1 or last - first + 1 != len(axes):
        return None
    writer = Writer(scope)
    inside = _product(sizes[first : last + 1])
    view = [1, _product(sizes[1:first]), inside, _product(sizes[last + 1 :])]
    value = node.input[0]
    if node.op_type == "ReduceMin":
        value = writer.add("Neg", value)
    value = writer.shaped(value, view)
    value = writer.add(POOLS[node.op_type], value, kernel_shape=[inside, 1])
    if node.op_type == "ReduceMin":
        value = writer.add("Neg", value)
    if node.op_type == "ReduceSum":
        value = writer.add("Mul", value, writer.number(float(inside)))
    keep = int(attributes(node).get("keepdims", 1))
    ends = [1 if axis in axes else size for axis, size in enumerate(sizes)]
    writer.shaped(value, [n for a, n in enumerate(ends) if keep or a not in axes], node.output[0])
    return writer.nodes


def _axes(scope: Scope, node: Any) -> list[int] | None:
    """Return the axes in order, none negative; None where they are not known."""
    given = attributes(node)
    sizes = scope.shapes.get(node.input[0])
    axes = given.get("axes")
    if len(node.input) > 1 and node.input[1]:
        held = scope.value(node.input[1])
        if held is None:
            return None
        axes = held.tolist()
    if sizes is None or (not axes and given.get("noop_with_empty_axes")):
        return None
    return sorted({axis % len(sizes) for axis in axes or range(len(sizes))})


def _split(scope: Scope, node: Any, axes: list[int]) -> list[Any]:
    """Maxima over several axes: one after the other, the last axis first."""
    from onnx import helper

    keep = int(attributes(node).get("keepdims", 1))
    places = axes[::-1]
    names = [node.input[0], *(scope.name(node.output[0]) for _ in places[1:]), node.output[0]]
    return [
        helper.make_node(node.op_type, [source], [target], axes=[place], keepdims=keep)
        for place, source, target in zip(places, names, names[1:])
    ]


def _summed(scope: Scope, node: Any, axes: list[int]) -> list[Any] | None:
    """A sum over one axis, given as an input: the mean times the size."""
    sizes = scope.static(node.input[0])
    if sizes is None or len(node.input) < 2:
        return None
    keep = int(attributes(node).get("keepdims", 1))
    writer = Writer(scope)
    mean = writer.add("ReduceMean", node.input[0], axes=axes, keepdims=keep)
    writer.add("Mul", mean, writer.number(float(sizes[axes[0]])), name=node.output[0])
    return writer.nodes


def _product(sizes: list[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result


RULES: dict[str, Rule] = dict.fromkeys(POOLS, reduced)

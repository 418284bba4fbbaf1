"""Softmax of operator sets before 13, written out.

It normalised over all axes from ``axis`` (by default 1) on, as if they were one. Since 13
it normalises one axis, and that is how MNN and pnnx read it in older files too.
"""

from __future__ import annotations

from typing import Any

from modelport_onnx import graph, shape

SINCE_AXIS = 13


def softmax_before_13(model: Any) -> int:
    """Write out what Softmax and LogSoftmax of opset < 13 do; return how many were changed.

    MNN 3.6.1 and pnnx 20261020 take the last axis where ``axis`` is absent, and never flatten:
    an ImageNet squeezenet came out as all ones.
    """
    if graph.opset(model) >= SINCE_AXIS:
        return 0
    shape.infer(model)
    changed = 0
    for part in graph.subgraphs(model.graph):
        shapes = shape.known(model) if part is model.graph else {}
        for node in list(part.node):
            if node.op_type in ("Softmax", "LogSoftmax"):
                changed += _flatten(part, node, shapes.get(node.input[0]))
    return changed


def _flatten(part: Any, node: Any, sizes: list[Any] | None) -> bool:
    """Put Flatten before and Reshape behind ``node``, unless one axis says the same."""
    from onnx import helper

    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    if sizes is not None:
        axis %= len(sizes)
        if all(size == 1 for size in sizes[axis + 1 :]):
            return _set_axis(node, axis)
    stem = f"{node.output[0]}_modelport"
    names = [f"{stem}_{what}" for what in ("shape", "flat", "soft")]
    value, result = node.input[0], node.output[0]
    index = list(part.node).index(node)
    part.node.insert(index, helper.make_node("Flatten", [value], [names[1]], axis=axis))
    part.node.insert(index, helper.make_node("Shape", [value], [names[0]]))
    node.input[0], node.output[0] = names[1], names[2]
    _set_axis(node, 1)
    part.node.insert(index + 3, helper.make_node("Reshape", [names[2], names[0]], [result]))
    return True


def _set_axis(node: Any, axis: int) -> bool:
    from onnx import helper

    before = [a.i for a in node.attribute if a.name == "axis"]
    if before == [axis]:
        return False
    kept = [a for a in node.attribute if a.name != "axis"]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("axis", axis)])
    return True

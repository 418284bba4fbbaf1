"""ONNX graphs as MNN has to be given them: same function, in a form that it converts right."""

from __future__ import annotations

from typing import Any

COMMUTATIVE = ("Add", "Mul", "Max", "Min")
SINCE_AXIS = 13  # Softmax normalises one axis since opset 13, all from ``axis`` on before


def softmax_before_13(model: Any) -> int:
    """Write out what Softmax and LogSoftmax of opset < 13 do; return how many were changed.

    MNN 3.6.1 takes the last axis where ``axis`` is absent (the default was 1), and never
    flattens: an ImageNet squeezenet came out as all ones.
    """
    from modelport_onnx import graph

    if graph.opset(model) >= SINCE_AXIS:
        return 0
    changed = 0
    for part in graph.subgraphs(model.graph):
        ranks = _ranks(model, part)
        for node in list(part.node):
            if node.op_type in ("Softmax", "LogSoftmax"):
                changed += _flatten(part, node, ranks.get(node.input[0]))
    return changed


def constant_first(model: Any) -> int:
    """Put a one-element constant of rank >= 1 behind the other operand; return how many moved.

    MNN 3.6.1 computed ``Add([[[1.]]], Tanh(x))`` of magika as 0 where it is 2; with the
    operands swapped it is right. A constant without axes is right in both places.
    """
    from modelport_onnx import graph

    moved = 0
    for part in graph.subgraphs(model.graph):
        single = {
            name
            for name, tensor in graph.constants(part).items()
            if tensor.dims and all(size == 1 for size in tensor.dims)
        }
        for node in part.node:
            operands = list(node.input)
            if node.op_type not in COMMUTATIVE or len(operands) != 2:
                continue
            if operands[0] in single and operands[1] not in single:
                node.input[0], node.input[1] = operands[1], operands[0]
                moved += 1
    return moved


def _flatten(part: Any, node: Any, shape: list[int] | None) -> bool:
    """Put Flatten before and Reshape behind ``node``, unless one axis says the same."""
    from onnx import helper

    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    if shape is not None:
        axis %= len(shape)
        if all(size == 1 for size in shape[axis + 1 :]):
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


def _ranks(model: Any, part: Any) -> dict[str, list[int]]:
    """Return the inferred sizes of every tensor of known rank; -1 where a size is open."""
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(model).graph
    except onnx.shape_inference.InferenceError:
        return {}
    values = (
        [*inferred.value_info, *inferred.input, *inferred.output] if part is model.graph else []
    )
    return {
        value.name: [
            size.dim_value if size.HasField("dim_value") else -1
            for size in value.type.tensor_type.shape.dim
        ]
        for value in values
        if value.type.tensor_type.HasField("shape")
    }

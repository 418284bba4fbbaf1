"""Selections (If, Where) written as arithmetic, for runtimes that have no comparison."""

from __future__ import annotations

from typing import Any

from modelport_onnx.fold import inlined
from modelport_onnx.graph import initializers
from modelport_onnx.writer import Writer, replaced

# Turns the sign of a difference into 0 or 1. The difference of two float32 numbers near 1
# is 0 or at least 6e-8, which it takes far beyond 1.
STEEP = 1e30
MASKS = {"Greater": (0, 1, False), "Less": (1, 0, False)}
MASKS.update({"GreaterOrEqual": (1, 0, True), "LessOrEqual": (0, 1, True)})


def blend_branches(model: Any) -> int:
    """Run both branches of an If, and select by arithmetic: ``c * then + (1 - c) * else``.

    Exact as long as both branches give finite numbers; for branches of floats with one
    output shape only.
    """
    makers = {name: node for node in model.graph.node for name in node.output}

    def write(graph: Any, node: Any) -> list[Any] | None:
        from onnx import TensorProto

        bodies = {a.name: a.g for a in node.attribute}
        pairs = list(zip(bodies["then_branch"].output, bodies["else_branch"].output))
        if any(v.type.tensor_type.elem_type != TensorProto.FLOAT for pair in pairs for v in pair):
            return None
        writer = Writer(graph, node.output[0])
        ends = {}
        for name, body in bodies.items():
            names = [f"{node.output[k]}/{name}" for k in range(len(pairs))]
            writer.nodes += inlined(graph, names, body, f"{node.output[0]}/{name}/")
            ends[name] = names
        mask = _mask(writer, node.input[0], makers)
        other = writer.add("Sub", [writer.constant([1], "float32"), mask])
        for k, output in enumerate(node.output):
            then = writer.add("Mul", [ends["then_branch"][k], mask])
            rest = writer.add("Mul", [ends["else_branch"][k], other])
            writer.add("Add", [then, rest], output)
        return writer.nodes

    return replaced(model, {"If"}, write)


def divide_no_nan(model: Any) -> int:
    """Write ``where(b == 0, 0, a / b)``, TensorFlow's safe division, without the selection."""
    from onnx import numpy_helper

    held = initializers(model.graph)
    makers = {name: node for node in model.graph.node for name in node.output}

    def zero(name: str) -> bool:
        return name in held and not numpy_helper.to_array(held[name]).any()

    def write(graph: Any, node: Any) -> list[Any] | None:
        test, quotient = makers.get(node.input[0]), makers.get(node.input[2])
        if test is None or quotient is None or not zero(node.input[1]):
            return None
        if test.op_type != "Equal" or quotient.op_type != "Div" or not zero(test.input[1]):
            return None
        below = test.input[0]
        if quotient.input[1] != below:
            return None
        writer = Writer(graph, node.output[0])
        one = writer.constant([1], "float32")
        size = writer.add("Mul", [writer.add("Abs", [below]), writer.constant([STEEP], "float32")])
        ends = [writer.constant(0.0, "float32"), writer.constant(1.0, "float32")]
        nonzero = writer.add("Clip", [size, *ends])
        safe = writer.add("Add", [below, writer.add("Sub", [one, nonzero])])
        writer.add("Mul", [writer.add("Div", [quotient.input[0], safe]), nonzero], node.output[0])
        return writer.nodes

    return replaced(model, {"Where"}, write)


def _mask(writer: Writer, condition: str, makers: Any) -> str:
    """Return the name of a float tensor of shape (1,) that is 1 where ``condition`` holds."""
    from onnx import TensorProto

    name = condition
    for _ in range(10):
        maker = makers.get(name)
        if maker is None or maker.op_type not in {"Cast", "Reshape", "Squeeze", "Identity"}:
            break
        name = maker.input[0]
    maker = makers.get(name)
    if maker is None or maker.op_type not in MASKS:
        return writer.reshape(writer.add("Cast", [condition], to=TensorProto.FLOAT), [1])
    first, second, inverted = MASKS[maker.op_type]
    gap = writer.add("Sub", [maker.input[first], maker.input[second]])
    steep = writer.add("Mul", [gap, writer.constant([STEEP], "float32")])
    ends = [writer.constant(0.0, "float32"), writer.constant(1.0, "float32")]
    mask = writer.add("Clip", [steep, *ends])
    if inverted:
        mask = writer.add("Sub", [writer.constant([1], "float32"), mask])
    return writer.reshape(mask, [1])

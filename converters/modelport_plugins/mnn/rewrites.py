"""ONNX graphs as MNN has to be given them: same function, in a form that it converts right."""

from __future__ import annotations

from typing import Any

COMMUTATIVE = ("Add", "Mul", "Max", "Min")


def less_as_greater(model: Any) -> int:
    """Write ``a < b`` as ``b > a``; return how many were changed.

    MNN 3.6.1 computes Less wrong on float32 tensors: 12 of the 60 values of onnx's own
    test_less, 21 where one operand is broadcast. Greater and LessOrEqual are right, and a
    NaN makes both forms false.
    """
    from modelport_onnx import graph

    changed = 0
    for node in graph.nodes(model):
        if node.op_type == "Less" and node.domain in graph.DEFAULT_DOMAINS:
            node.op_type = "Greater"
            node.input[0], node.input[1] = node.input[1], node.input[0]
            changed += 1
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


def round_to_even(model: Any) -> int:
    """Write Round out, halves to the even neighbour; return how many were changed.

    MNN 3.6.1 rounds halves away from zero: 2.5 becomes 3 where ONNX has 2. In no tolerance:
    a source that is moved by one unit there jumps by as much.
    """
    from modelport_onnx import graph, writer

    def written(part: Any, node: Any) -> Any:
        return _rounded(node.input[0], node.output[0], part)

    parts = [part for part in graph.subgraphs(model.graph) if not wide_or_half(part)]
    return sum(writer.replaced_in(part, {"Round"}, written) for part in parts)


def wide_or_half(part: Any) -> bool:
    """Whether ``part`` holds other floats than float32, so that added constants would not fit."""
    from onnx import TensorProto

    held = {tensor.data_type for tensor in part.initializer}
    held |= {value.type.tensor_type.elem_type for value in part.input}
    return bool(held & {TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16})


def _rounded(source: str, target: str, part: Any) -> list[Any]:
    """Return nodes for ``floor + (rest > 1/2) + (rest == 1/2 and floor is odd)``.

    By Where instead of products, which would make a NaN of infinity.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    held = {name: f"{target}/{name}" for name in ("nought", "half", "one", "two")}
    for name, value in zip(held.values(), (0.0, 0.5, 1.0, 2.0)):
        part.initializer.append(numpy_helper.from_array(np.array(value, "float32"), name))

    def make(kind: str, *names: str) -> Any:
        *inputs, output = (
            held.get(n) or (n if n in {source, target} else f"{target}/{n}") for n in names
        )
        return helper.make_node(kind, inputs, [output])

    return [
        make("Floor", source, "floor"),
        make("Sub", source, "floor", "rest"),
        make("Greater", "rest", "half", "above"),
        make("Where", "above", "one", "nought", "step"),
        make("Mul", "floor", "half", "halved"),
        make("Floor", "halved", "pairs"),
        make("Mul", "pairs", "two", "even"),
        make("Sub", "floor", "even", "odd"),
        make("Equal", "rest", "half", "tie"),
        make("Where", "tie", "odd", "nought", "nudge"),
        make("Add", "floor", "step", "stepped"),
        make("Add", "stepped", "nudge", target),
    ]

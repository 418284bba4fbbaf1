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

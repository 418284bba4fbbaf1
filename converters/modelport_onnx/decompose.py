"""Writes operators that small runtimes lack with those that they have.

For graphs of known shapes (see ``fold``). Each function takes a ``ModelProto``, edits the
main graph in place, and returns how often it did. Results agree to rounding.
"""

from __future__ import annotations

from typing import Any

from modelport_onnx.graph import initializers, opset
from modelport_onnx.recurrent import split_lstm
from modelport_onnx.selection import blend_branches, divide_no_nan
from modelport_onnx.shape import infer, known
from modelport_onnx.writer import Writer, replaced


def decompose(model: Any) -> int:
    """Apply every decomposition; return how many operators they replaced."""
    count = 0
    for step in (blend_branches, split_lstm, pool_reductions, divide_no_nan, flatten_selects):
        infer(model)
        count += step(model)
    infer(model)
    return count


def pool_reductions(model: Any) -> int:
    """Write ReduceMax and ReduceMin as GlobalMaxPool over the reduced axes."""
    import numpy as np

    shapes = known(model)
    held = initializers(model.graph)

    def write(graph: Any, node: Any) -> list[Any] | None:
        sizes = shapes.get(node.input[0])
        axes = _axes(node, held)
        if not sizes or axes is None or not all(isinstance(size, int) for size in sizes):
            return None
        rank = len(sizes)
        reduced = sorted(axis % rank for axis in axes) or list(range(rank))
        kept = [axis for axis in range(rank) if axis not in reduced]
        keep = next((a.i for a in node.attribute if a.name == "keepdims"), 1)
        writer = Writer(graph, node.output[0])
        value = node.input[0]
        if node.op_type == "ReduceMin":
            value = writer.add("Neg", [value])
        if kept + reduced != list(range(rank)):
            value = writer.add("Transpose", [value], perm=kept + reduced)
        count = int(np.prod([sizes[axis] for axis in reduced]))
        value = writer.reshape(value, [1, int(np.prod([sizes[a] for a in kept])), count, 1])
        value = writer.add("GlobalMaxPool", [value])
        result = [1 if a in reduced else sizes[a] for a in range(rank) if keep or a in kept]
        last = node.output[0]
        if node.op_type == "ReduceMin":
            writer.add("Neg", [writer.reshape(value, result)], last)
        else:
            writer.reshape(value, result, last)
        return writer.nodes

    return replaced(model, {"ReduceMax", "ReduceMin"}, write)


def _axes(node: Any, held: Any) -> list[int] | None:
    """Return the axes of a reduction, [] for all; None if they are computed."""
    from onnx import numpy_helper

    listed = [list(a.ints) for a in node.attribute if a.name == "axes"]
    if listed:
        return listed[0]
    if len(node.input) < 2 or not node.input[1]:
        return []
    if node.input[1] not in held:
        return None
    return [int(axis) for axis in numpy_helper.to_array(held[node.input[1]])]


def flatten_selects(model: Any) -> int:
    """Write selections and concatenations along axis 0 along axis 1 of a flat view.

    NCNN keeps axis 0 for the batch, and cannot cut along it.
    """
    import numpy as np
    from onnx import numpy_helper

    shapes = known(model)
    held = initializers(model.graph)

    def write(graph: Any, node: Any) -> list[Any] | None:
        axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
        sizes = [shapes.get(name) for name in node.input]
        if axis or any(
            len(s or []) < 2 or not all(isinstance(n, int) for n in s) for s in sizes[:1]
        ):
            return None
        writer = Writer(graph, node.output[0])
        if node.op_type == "Concat":
            if any(s is None or not all(isinstance(n, int) for n in s) for s in sizes):
                return None
            flat = [writer.reshape(n, [1, int(np.prod(s))]) for n, s in zip(node.input, sizes)]
            whole = [sum(s[0] for s in sizes), *sizes[0][1:]]
            writer.reshape(writer.add("Concat", flat, axis=1), whole, node.output[0])
            return writer.nodes
        if node.input[1] not in held or held[node.input[1]].dims:
            return None
        index = int(numpy_helper.to_array(held[node.input[1]])) % sizes[0][0]
        rest = int(np.prod(sizes[0][1:]))
        flat_view = writer.reshape(node.input[0], [1, sizes[0][0] * rest])
        cut = [[index * rest], [(index + 1) * rest], [1]]
        part = writer.add("Slice", [flat_view, *map(writer.constant, cut)])
        writer.reshape(part, sizes[0][1:], node.output[0])
        return writer.nodes

    return replaced(model, {"Gather", "Concat"}, write)


def supported(model: Any) -> bool:
    """Return whether the operator set is one that these rewrites are written in."""
    return opset(model) >= 13

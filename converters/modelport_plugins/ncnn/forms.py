"""The same operators in the forms that pnnx has patterns for.

What pnnx does not match stays in the ``.param`` under its ONNX name, which no ncnn knows.
Each rule says which form that was, as measured with pnnx 20261020.
"""

from __future__ import annotations

from typing import Any

from modelport_plugins.ncnn.scope import Rule, Scope, attributes
from modelport_plugins.ncnn.writer import Writer

PADS_AS_INPUT = 11  # of Pad


def padded(scope: Scope, node: Any) -> list[Any] | None:
    """Pad that leaves mode and value to their defaults."""
    from onnx import helper

    given = attributes(node)
    mode = given.get("mode", b"constant").decode()
    if mode != "constant" or len(node.input) < 2:
        return None
    if "mode" not in given:
        node.attribute.append(helper.make_attribute("mode", "constant"))
    if len(node.input) == 2:
        node.input.append(scope.constant(0.0))
    elif not node.input[2]:
        node.input[2] = scope.constant(0.0)
    return [node]


def averaged(scope: Scope, node: Any) -> list[Any] | None:
    """AveragePool with padding that differs from side to side: Pad, pool, and a scale.

    Where padding does not count, the mean over the window is scaled by the number of
    elements in the window over those that lie inside.
    """
    import numpy as np
    from onnx import helper

    given = attributes(node)
    sizes, kernel = scope.static(node.input[0]), given["kernel_shape"]
    pads = list(given.get("pads", [0] * 2 * len(kernel)))
    half = len(kernel)
    plain = given.get("auto_pad", b"NOTSET") == b"NOTSET" and not given.get("ceil_mode")
    even = "dilations" in given or pads[:half] == pads[half:]
    if sizes is None or not plain or even or scope.version < PADS_AS_INPUT:
        return None
    strides = given.get("strides", [1] * half)
    filled = scope.name(node.output[0])
    edges = [0, 0, *pads[:half], 0, 0, *pads[half:]]
    pad = helper.make_node(
        "Pad",
        [node.input[0], scope.constant(edges, "int64"), scope.constant(0.0)],
        [filled],
        mode="constant",
    )
    counted = bool(given.get("count_include_pad"))
    pooled = node.output[0] if counted else scope.name(node.output[0])
    pool = helper.make_node("AveragePool", [filled], [pooled], kernel_shape=kernel, strides=strides)
    if counted:
        return [pad, pool]
    scale = np.ones(())
    for size, width, step, low, high in zip(sizes[2:], kernel, strides, pads[:half], pads[half:]):
        inside = np.pad(np.ones(size), (low, high))
        starts = range(0, size + low + high - width + 1, step)
        share = [inside[start : start + width].mean() for start in starts]
        scale = np.multiply.outer(scale, 1 / np.array(share))
    factor = scope.constant(scale[None, None])
    return [pad, pool, helper.make_node("Mul", [pooled, factor], [node.output[0]])]


def bounded(scope: Scope, node: Any) -> list[Any] | None:
    """Max with minus infinity, or Min with infinity, which change nothing."""
    import numpy as np

    if len(node.input) != 2 or node.output[0] in scope.outputs:
        return None
    idle = -np.inf if node.op_type == "Max" else np.inf
    for bound, other in (node.input, reversed(node.input)):
        held = scope.value(bound)
        if held is not None and held.size == 1 and held.reshape(()) == idle:
            if held.ndim > len(scope.shapes.get(other, ())):
                return None
            scope.alias[node.output[0]] = other
            return []
    return None


def gathered(scope: Scope, node: Any) -> list[Any] | None:
    """Gather of one constant index: a slice, reshaped where the axis goes."""
    held, sizes = scope.value(node.input[1]), scope.static(node.input[0])
    if held is None or held.size != 1 or held.ndim > 1 or sizes is None:
        return None
    axis = int(attributes(node).get("axis", 0)) % len(sizes)
    writer = Writer(scope)
    source, place = node.input[0], axis
    if axis == 0 and len(sizes) > 1:  # pnnx takes axis 0 for the batch, which it cannot slice
        swap = [1, 0, *range(2, len(sizes))]
        source, place = writer.add("Transpose", source, perm=swap), 1
    taken = writer.sliced(source, place, int(held.reshape(())) % sizes[axis])
    kept = [*sizes[:axis], *([1] if held.ndim else []), *sizes[axis + 1 :]]
    writer.shaped(taken, kept, name=node.output[0])
    return writer.nodes


RULES: dict[str, Rule] = {
    "Gather": gathered,
    "Pad": padded,
    "AveragePool": averaged,
    "Max": bounded,
    "Min": bounded,
}

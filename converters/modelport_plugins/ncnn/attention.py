"""What transformers are exported with: one tensor for query, key and value, and embeddings.

The usual ``reshape(batch, length, 3, heads, size).permute(2, 0, 3, 1, 4)`` has five axes;
NCNN has four. Each part is cut from the last axis before it is reshaped, which needs none.
"""

from __future__ import annotations

from typing import Any

from modelport_plugins.ncnn.forms import gathered
from modelport_plugins.ncnn.masks import moved
from modelport_plugins.ncnn.scope import Rule, Scope, attributes
from modelport_plugins.ncnn.writer import Writer


def cut(scope: Scope, node: Any) -> list[Any] | None:
    """Slice of one index of the first axis, as exporters write an unbind."""
    bounds = [scope.value(name) for name in node.input[1:]]
    if any(bound is None or bound.size != 1 for bound in bounds) or len(bounds) < 2:
        return moved(scope, node)
    start, end, *rest = (int(bound.reshape(())) for bound in bounds)
    axis, step = (*rest, *(0, 1)[len(rest) :])
    sizes = scope.static(node.input[0])
    plain = sizes is not None and end == start + 1 and axis in (0, -len(sizes)) and step == 1
    part = _part(scope, node.input[0], start) if plain else None
    if part is None:
        return moved(scope, node)
    writer, value, sizes = part
    readers = [n for n in scope.graph.node if node.output[0] in n.input]
    squeezed = [n for n in readers if scope.static(n.output[0]) == sizes]
    squeezed = [n for n in squeezed if n.op_type in {"Squeeze", "Reshape"}]
    scope.alias.update((n.output[0], value) for n in squeezed if n.output[0] not in scope.outputs)
    writer.shaped(value, [1, *sizes], name=node.output[0])
    return writer.nodes


def taken(scope: Scope, node: Any) -> list[Any] | None:
    """Gather of one constant index; or an embedding, which pnnx knows without its axis."""
    held = scope.value(node.input[1])
    axis = attributes(node).get("axis", 0)
    if held is not None and held.ndim == 0 and axis == 0:
        part = _part(scope, node.input[0], int(held))
        if part is not None:
            writer, value, sizes = part
            writer.shaped(value, sizes, name=node.output[0])
            return writer.nodes
    table = scope.value(node.input[0])
    if table is not None and table.ndim == 2 and axis == 0 and held is None:
        del node.attribute[:]
        return [node]
    return gathered(scope, node)


def _part(scope: Scope, name: str, index: int) -> tuple[Writer, str, list[int]] | None:
    """Return index ``index`` of the first axis of a five-axis tensor, and its sizes.

    None unless the tensor is a transposed reshape that split the last axis in three.
    """
    turn = scope.makers.get(name)
    if turn is None or turn.op_type != "Transpose":
        return None
    order = list(attributes(turn).get("perm", ()))
    shaped = scope.makers.get(turn.input[0])
    if shaped is None or shaped.op_type != "Reshape" or len(order) != 5:
        return None
    split = scope.static(turn.input[0])
    source = scope.alias.get(shaped.input[0], shaped.input[0])
    before = scope.static(source)
    if split is None or before is None or len(before) < 2:
        return None
    place = order[0]
    lead, rest = split[:place], split[place + 1 :]
    width = before[-1] // split[place]
    if [*lead, split[place] * width] != before or _product(rest) != width or not lead:
        return None
    writer = Writer(scope)
    at = index % split[place]
    bounds = [at * width, (at + 1) * width, len(before) - 1]
    ends = [scope.constant([n], "int64") for n in bounds]
    value = writer.shaped(writer.add("Slice", source, *ends), [*lead, *rest])
    perm = [axis - (axis > place) for axis in order[1:]]
    sizes = [split[axis] for axis in order[1:]]
    return writer, writer.add("Transpose", value, perm=perm), sizes


def _product(sizes: list[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result


RULES: dict[str, Rule] = {"Slice": cut, "Gather": taken}

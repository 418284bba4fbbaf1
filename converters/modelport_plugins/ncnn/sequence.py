"""LSTM and GRU over a sequence, in the one form that pnnx turns into a layer of NCNN.

pnnx 20261020 knows the operator by its readers: one output, transposed and reshaped to
(steps, batch, directions * hidden). Any other use leaves an operator that no ncnn loads.
"""

from __future__ import annotations

from typing import Any

from modelport_plugins.ncnn.recurrence import unrolled
from modelport_plugins.ncnn.scope import Rule, Scope, attributes
from modelport_plugins.ncnn.writer import Writer

ATTRIBUTES = {"hidden_size", "direction", "linear_before_reset"}
FLAT = [0, 2, 1, 3]  # (steps, directions, batch, hidden) to (steps, batch, directions, hidden)


def lstm(scope: Scope, node: Any) -> list[Any] | None:
    """LSTM of a few steps written out, one of more in pnnx's form."""
    return unrolled(scope, node) or flattened(scope, node)


def flattened(scope: Scope, node: Any) -> list[Any] | None:
    """LSTM or GRU that starts from zeros, of one sequence; its last state cut from the outputs.

    The last cell of an LSTM is not among the outputs, so one that is read stays as it is.
    """
    # The newer exporter writes these two with the values that they have anyway.
    given = {k: v for k, v in attributes(node).items() if v or k not in {"input_forget", "layout"}}
    names = [*node.input, *[""] * (8 - len(node.input))]
    sizes = scope.static(names[0])
    direction = given.get("direction", b"forward")
    odd = set(given) - ATTRIBUTES or names[4] or names[7] or direction == b"reverse"
    if odd or sizes is None or sizes[1] != 1 or not all(map(_zero(scope), names[5:7])):
        return None
    if "hidden_size" not in given or any(scope.value(name) is None for name in names[1:4] if name):
        return None
    if node.op_type == "GRU" and not given.get("linear_before_reset"):
        return None  # ncnn applies the reset behind the product
    outputs = [*node.output, *[""] * (3 - len(node.output))]
    if _readers(scope, outputs[2]) or outputs[2] in scope.outputs:
        return None
    steps, width = sizes[0], int(given["hidden_size"])
    count = 2 if direction == b"bidirectional" else 1
    writer = Writer(scope)
    kept = [name for name in names[:4] if name]
    raw = writer.add(node.op_type, *kept, **given)
    turned = writer.add("Transpose", raw, perm=FLAT)
    flat = writer.shaped(turned, [0, 0, -1])
    scope.shapes[flat] = [steps, 1, count * width]  # a layer behind has to know
    if not _adopted(scope, outputs[0], flat, (steps, count, width)):
        split = writer.shaped(flat, [steps, 1, count, width])
        writer.add("Transpose", split, name=outputs[0], perm=FLAT)
    if _readers(scope, outputs[1]) or outputs[1] in scope.outputs:
        _last(writer, flat, outputs[1], (steps, count, width))
    return writer.nodes


def _zero(scope: Scope) -> Any:
    """Return a test for a state that is left out, or is zeros."""

    def test(name: str) -> bool:
        held = scope.value(name) if name else None
        return not name or (held is not None and not held.any())

    return test


def _readers(scope: Scope, name: str) -> list[Any]:
    return [node for node in scope.graph.node if name and name in node.input]


def _adopted(scope: Scope, name: str, flat: str, whole: tuple[int, int, int]) -> bool:
    """Let those who read ``name`` by way of the same transposition read ``flat`` instead.

    Return whether nobody is left that reads ``name`` itself.
    """
    steps, count, width = whole
    sizes = [steps, 1, count * width]
    if name in scope.outputs:
        return False
    found = []
    for turn in _readers(scope, name):
        squeezed = turn.op_type in {"Squeeze", "Reshape"}
        behind = [turn] if squeezed else _readers(scope, turn.output[0])
        plain = squeezed or (turn.op_type == "Transpose" and attributes(turn).get("perm") == FLAT)
        fits = all(
            scope.static(n.output[0]) == sizes and n.output[0] not in scope.outputs for n in behind
        )
        reshaped = all(n.op_type in {"Squeeze", "Reshape"} for n in behind)
        # Without the transposition, one direction alone lies in the same order.
        if not (plain and fits and reshaped) or (squeezed and count != 1):
            return False
        found += behind
    scope.alias.update((node.output[0], flat) for node in found)
    return True


def _last(writer: Writer, flat: str, name: str, sizes: tuple[int, int, int]) -> None:
    """Write the last state (directions, 1, hidden): of the reverse direction it is the first."""
    steps, count, width = sizes
    rows = writer.shaped(flat, [steps, count * width])
    parts = []
    for direction in range(count):
        step = 0 if direction else steps - 1
        row = writer.sliced(rows, 0, step)
        bounds = [direction * width, (direction + 1) * width, 1]
        held = (writer.scope.constant([n], "int64") for n in bounds)
        parts.append(row if count == 1 else writer.add("Slice", row, *held))
    whole = parts[0] if count == 1 else writer.add("Concat", *parts, axis=1)
    writer.shaped(whole, [count, 1, width], name=name)


RULES: dict[str, Rule] = {"LSTM": lstm, "GRU": flattened}

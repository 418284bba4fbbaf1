"""What a graph implies about the values of its inputs.

An integer that indexes a table has a range; a scalar that is compared with constants
has the values worth running.
"""

from __future__ import annotations

from typing import Any

from modelport_onnx.graph import constants, graph_inputs, opset, subgraphs
from modelport_onnx.signature import shape, type_name

# Operators that pass values of input 0 on unchanged, only cast or rearranged.
PASSING = {
    "Cast", "Reshape", "Unsqueeze", "Squeeze", "Identity", "Flatten", "Transpose", "Expand",
    "Tile", "Slice", "Split", "Concat", "Gather", "CastLike",
}  # fmt: skip
# Operators whose output has the shape of their first input: a table may hide behind them.
SAME_SHAPE = {"DequantizeLinear", "Cast", "Identity", "QuantizeLinear"}
# Operator: positions of (index, table) inputs.
INDEXING = {
    "Gather": ((1, 0),),
    "GatherElements": ((1, 0),),
    "GatherBlockQuantized": ((1, 0),),
    "ScatterElements": ((1, 0),),
    "EmbedLayerNormalization": ((0, 2), (1, 4)),
}
RATES = {"sr", "sample_rate", "sampling_rate"}
DEPTH = 40  # how many operators a value is followed through


def hints(model: Any) -> dict[str, dict[str, Any]]:
    """Return ``{"minimum", "maximum"}`` or ``{"values"}`` for the inputs that imply any."""
    import numpy as np

    scope = _Scope(model)
    found: dict[str, dict[str, Any]] = {}
    for value in graph_inputs(model):
        kind = type_name(value.type)
        if kind == "bool" and not (shape(value) or []):
            found[value.name] = {"values": [False, True]}
        if "int" not in kind:
            continue
        bounds = list(_bounds(scope, value.name, 0, DEPTH))
        ranges = [b for b in bounds if b[0] == "range"]
        values = sorted({int(b[1]) for b in bounds if b[0] == "value"})
        if ranges:
            low = max(int(b[1]) for b in ranges)
            found[value.name] = {"minimum": low, "maximum": min(int(b[2]) for b in ranges)}
        elif values and np.prod([s if isinstance(s, int) else 2 for s in shape(value) or []]) == 1:
            found[value.name] = {"values": _with_another(values)}
        elif value.name.lower() in RATES and not shape(value):  # a name, as below
            found[value.name] = {"values": [16000, 8000]}
        elif "mask" in value.name.lower():  # by its name only; nothing in the graph says it
            found[value.name] = {"minimum": 0, "maximum": 1}
    return found


def _with_another(values: list[int]) -> list[int]:
    # One value that the graph does not name, so that the branch behind "else" runs as well.
    # Half of the largest is the 8 kHz beside the 16 kHz of speech models.
    top = values[-1]
    other = top // 2 if top > 0 else top + 1
    return [top, *[v for v in reversed(values) if v != top], *([] if other in values else [other])]


class _Scope:
    """Who reads a name and who makes it, over all graphs of a model."""

    def __init__(self, model: Any) -> None:
        self.readers: dict[str, list[tuple[Any, int]]] = {}
        self.maker: dict[str, Any] = {}
        self.constants: dict[str, Any] = {}
        self.shapes: dict[str, Any] = {}
        self.opset = opset(model)
        for graph in subgraphs(model.graph):
            self.constants.update(constants(graph))
            for value in [*graph.input, *graph.value_info]:
                self.shapes[value.name] = shape(value)
            for node in graph.node:
                for position, name in enumerate(node.input):
                    self.readers.setdefault(name, []).append((node, position))
                for name in node.output:
                    self.maker[name] = node

    def sizes(self, name: str) -> list[Any] | None:
        """Return the shape of a tensor as far as the file says it."""
        for _ in range(DEPTH):
            if name in self.constants:
                return list(self.constants[name].dims)
            if self.shapes.get(name):
                sizes: list[Any] | None = self.shapes[name]
                return sizes
            node = self.maker.get(name)
            if node is None or node.op_type not in SAME_SHAPE:
                return None
            name = node.input[0]
        return None

    def array(self, name: str) -> Any:
        """Return a constant's value; None if it is none, or kept outside of the file."""
        from onnx import TensorProto, numpy_helper

        tensor = self.constants.get(name)
        if tensor is None or tensor.data_location == TensorProto.EXTERNAL:
            return None
        return numpy_helper.to_array(tensor)


def _bounds(scope: _Scope, name: str, shift: int, depth: int) -> Any:
    """Yield ``("range", low, high)`` and ``("value", v)`` that readers of ``name`` imply."""
    for node, position in scope.readers.get(name, ()) if depth else ():
        yield from _indexed(scope, node, position, shift)
        yield from _compared(scope, node, position, shift)
        if node.op_type in PASSING and (position == 0 or node.op_type == "Concat"):
            for output in node.output:
                yield from _bounds(scope, output, shift, depth - 1)
        elif node.op_type == "Where" and position > 0:
            yield from _bounds(scope, node.output[0], shift, depth - 1)
        elif node.op_type in {"Add", "Sub"} and not (node.op_type == "Sub" and position):
            other = scope.array(node.input[1 - position])
            if other is not None and other.size == 1:
                step = int(other.ravel()[0]) * (1 if node.op_type == "Add" else -1)
                yield from _bounds(scope, node.output[0], shift + step, depth - 1)


def _indexed(scope: _Scope, node: Any, position: int, shift: int) -> Any:
    for index, table in INDEXING.get(node.op_type, ()):
        if position != index or table >= len(node.input):
            continue
        sizes = scope.sizes(node.input[table])
        axis = next((a.i for a in node.attribute if a.name in {"axis", "gather_axis"}), 0)
        if sizes and -len(sizes) <= axis < len(sizes) and isinstance(sizes[axis], int):
            yield "range", -shift, sizes[axis] - 1 - shift
    if node.op_type == "OneHot" and position == 0:
        depth = scope.array(node.input[1])
        if depth is not None:
            yield "range", -shift, int(depth.ravel()[0]) - 1 - shift


def _compared(scope: _Scope, node: Any, position: int, shift: int) -> Any:
    if node.op_type == "If" and position == 0:
        yield from (("value", -shift), ("value", 1 - shift))
    if node.op_type != "Equal":
        return
    other = scope.array(node.input[1 - position])
    if other is None or not other.size:
        return
    if other.size == 1:
        yield "value", int(other.ravel()[0]) - shift
    else:  # a one-hot written as a comparison with 0, 1, ..., n-1
        yield "range", int(other.min()) - shift, int(other.max()) - shift

"""What a graph would cost before anything native reads it: nesting, nodes, sizes of tensors.

A file of a few hundred bytes may stand for billions of nodes (functions that call functions)
or for a tensor of a terabyte (Expand, Tile, Range with constant operands), which constant
folding would build. The checks count; they build nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelport_onnx.graph import bodies, constant_tensor, tensors
from modelport_sdk import CorruptModel, UnsupportedFeature

DEPTH = 16
"""Levels of If, Loop and Scan. Exporters write two or three; at 30 the tools take minutes."""
NODES = 2_000_000
"""Nodes once functions are written out. The largest model seen has 38,000."""
ELEMENTS = 1 << 33
"""Elements of one tensor: 32 GiB as float32."""
SMALL = 64
"""Elements of the constants that are read as operands."""
LEVEL = frozenset(
    {
        *("Identity", "Relu", "Cast", "Neg", "Exp", "Sqrt", "Tanh", "Sigmoid", "Clip", "Dropout"),
        *("Reshape", "Transpose", "Unsqueeze", "Squeeze", "Flatten", "Softmax"),
        *("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where"),
    }
)
"""Operators whose result has at least as many elements as their largest input."""


def check(model: Any) -> None:
    """Return if the graph is of a size that tools can handle.

    Raises:
        CorruptModel: Functions call one another in a circle, or a tensor's sizes are absurd.
        UnsupportedFeature: Too deep, too many nodes, or too large a tensor.
    """
    for tensor in tensors(model):
        if min(tensor.dims, default=0) < 0 or math.prod(tensor.dims) > ELEMENTS:
            raise CorruptModel(f"tensor {tensor.name[:80]} has impossible sizes")
    functions = {(f.domain, f.name): f for f in model.functions}
    counts: dict[tuple[str, str], int] = {}
    total = _nodes(model.graph.node, functions, counts, (), 0)
    if total > NODES:
        raise UnsupportedFeature(
            f"the graph stands for {_figure(total)} nodes once its functions are written out",
            hint="Export the model without nested functions.",
        )
    _measure(model.graph, _Known())


def _nodes(
    nodes: Any,
    functions: Mapping[tuple[str, str], Any],
    counts: dict[tuple[str, str], int],
    calls: tuple[tuple[str, str], ...],
    depth: int,
) -> int:
    """Return the number of nodes, those of bodies and of called functions among them."""
    if depth > DEPTH or len(calls) > DEPTH:
        raise UnsupportedFeature(
            f"the graph nests branches or functions more than {DEPTH} deep",
            hint="Export the model with less control flow.",
        )
    total = 0
    for node in nodes:
        total += 1
        for body in bodies(node):
            total += _nodes(body.node, functions, counts, calls, depth + 1)
        key = (node.domain, node.op_type)
        if key not in functions:
            continue
        if key in calls:
            raise CorruptModel(f"function {node.op_type[:80]} calls itself")
        if key not in counts:
            inner = functions[key].node
            counts[key] = _nodes(inner, functions, counts, (*calls, key), depth)
        total += counts[key]
    return total


@dataclass
class _Known:
    """Element counts by name, and the values of small constants."""

    sizes: dict[str, int] = field(default_factory=dict[str, int])
    values: dict[str, list[float]] = field(default_factory=dict[str, "list[float]"])

    def keep(self, name: str, tensor: Any) -> None:
        """Remember a constant."""
        from onnx import TensorProto, numpy_helper

        self.sizes[name] = math.prod(tensor.dims)
        held = tensor.data_location != TensorProto.EXTERNAL
        if held and 0 <= self.sizes[name] <= SMALL and tensor.data_type != TensorProto.STRING:
            try:
                self.values[name] = numpy_helper.to_array(tensor).reshape(-1).tolist()
            except (ValueError, TypeError):  # data and sizes disagree; the checker says so
                return


def _measure(graph: Any, known: _Known) -> None:
    for tensor in graph.initializer:
        known.keep(tensor.name, tensor)
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in known.sizes and all(dim.dim_value > 0 for dim in dims):
            known.sizes[value.name] = math.prod(dim.dim_value for dim in dims)
    for node in graph.node:
        for body in bodies(node):
            _measure(body, known)
        if node.op_type == "Constant" and node.output:
            tensor = constant_tensor(node)
            if tensor is not None:
                known.keep(node.output[0], tensor)
            continue
        size = _size(node, known)
        if size > ELEMENTS:
            raise UnsupportedFeature(
                f"{node.op_type} makes a tensor of {_figure(size)} elements, more than"
                " any machine here can hold",
                operators=[node.op_type],
            )
        if size and node.output:
            known.sizes[node.output[0]] = size


def _size(node: Any, known: _Known) -> int:
    """Return how many elements the first output has at least; 0 where that is not plain."""
    operands = [known.values.get(name) or [] for name in node.input]
    first = known.sizes.get(node.input[0], 0) if node.input else 0
    if node.op_type in GROWN:
        return max(first, GROWN[node.op_type](first, [*operands, [], [], [], []]))
    if node.op_type in LEVEL:
        return max((known.sizes.get(name, 0) for name in node.input), default=0)
    return 0


def _padded(_: int, operands: list[list[float]]) -> int:
    axes = len(operands[1]) // 2
    return _product([a + b for a, b in zip(operands[1][:axes], operands[1][axes:])])


def _resized(first: int, operands: list[list[float]]) -> int:
    return max(_product(operands[3]), int(first * math.prod(_finite(operands[2]))))


def _ranged(_: int, operands: list[list[float]]) -> int:
    if not all(operands[:3]):
        return 0
    start, limit, step = (float(operand[0]) for operand in operands[:3])
    count = (limit - start) / step if step else 0.0
    return math.ceil(max(count, 0.0)) if math.isfinite(count) else ELEMENTS + 1


GROWN: dict[str, Callable[[int, list[list[float]]], int]] = {
    "ConstantOfShape": lambda _, operands: _product(operands[0]),
    "Expand": lambda _, operands: _product(operands[1]),
    "Tile": lambda first, operands: max(first, 1) * _product(operands[1]),
    "Pad": _padded,
    "Resize": _resized,
    "Range": _ranged,
}
"""Operators whose result may be larger than their inputs, with what constant operands say."""


def _product(sizes: list[float]) -> int:
    return math.prod(max(int(size), 1) for size in _finite(sizes))


def _finite(sizes: list[float]) -> list[float]:
    return [size for size in sizes if math.isfinite(size)]


def _figure(count: int) -> str:
    return f"{count:,}" if count < 10**15 else f"about 10^{len(str(count)) - 1}"

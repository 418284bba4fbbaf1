"""The weights of a graph: constants that convolutions, matrix products and RNNs multiply by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelport_onnx.graph import DEFAULT_DOMAINS, constants, outer_names, subgraphs

# Operator: positions of its weights, positions of its biases.
POSITIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "Conv": ((1,), (2,)),
    "ConvTranspose": ((1,), (2,)),
    "DeformConv": ((1,), (3,)),
    "FusedConv": ((1,), (2,)),
    "Gemm": ((0, 1), (2,)),
    "FusedGemm": ((0, 1), (2,)),
    "MatMul": ((0, 1), ()),
    "FusedMatMul": ((0, 1), ()),
    "Einsum": ((0, 1, 2), ()),
    "LSTM": ((1, 2), (3,)),
    "GRU": ((1, 2), (3,)),
    "RNN": ((1, 2), (3,)),
}
DOMAINS = (*DEFAULT_DOMAINS, "com.microsoft")
# What may stand between a constant and the operator that multiplies by it.
REARRANGING = {
    "Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Concat", "Slice",
    "Split", "Cast",
}  # fmt: skip
# A layer in front of one of these does not show a common factor in its weights.
NORMALISING = {
    "InstanceNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization",
    "SimplifiedLayerNormalization", "SkipLayerNormalization", "LpNormalization", "ReduceMean",
}  # fmt: skip


@dataclass(frozen=True)
class Weight:
    """One constant tensor that is multiplied by.

    Attributes:
        name: The constant's name in the graph.
        tensor: Its ``TensorProto``; editing it edits the model.
        node: The first operator that uses it.
        bias: Whether it is added, not multiplied by.
        nested: Whether that operator sits in the body of an If, Loop or Scan.
    """

    name: str
    tensor: Any
    node: Any
    bias: bool
    nested: bool


def weights(model: Any) -> Iterator[Weight]:
    """Yield every float constant that reaches a weight or bias position, once, in graph order.

    Constants are initialisers and ``value`` of Constant nodes, at any depth; weights that
    an operator computes (ConstantOfShape) are none.
    """
    held: dict[str, Any] = {}
    maker: dict[str, Any] = {}
    for graph in subgraphs(model.graph):
        held.update(constants(graph))
        maker.update((name, node) for node in graph.node for name in node.output)
    seen: set[str] = set()
    for depth, graph in enumerate(subgraphs(model.graph)):
        for node in graph.node:
            if node.op_type not in POSITIONS or node.domain not in (
                *DEFAULT_DOMAINS,
                "com.microsoft",
            ):
                continue
            main, biases = POSITIONS[node.op_type]
            for position, name in enumerate(node.input):
                if position not in main + biases:
                    continue
                for constant in _sources(name, held, maker):
                    if constant in seen or not is_float(held[constant]):
                        continue
                    seen.add(constant)
                    bias = position in biases
                    yield Weight(constant, held[constant], node, bias, nested=depth > 0)


def is_float(tensor: Any) -> bool:
    """Return whether a ``TensorProto`` holds float16, float32 or float64."""
    from onnx import TensorProto

    return tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def array(tensor: Any) -> Any:
    """Return the values of a ``TensorProto`` whose data is in the message."""
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor)


def replace(tensor: Any, values: Any) -> None:
    """Write ``values`` into a ``TensorProto``, keeping its name and type."""
    from onnx import numpy_helper

    values = values.astype(array(tensor).dtype)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def faults(model: Any, count: int) -> list[Weight]:
    """Return up to ``count`` weights, spread over the graph, whose scale must show in an output.

    Left out where others remain: tensors of fewer than 16 elements, those behind a
    normalisation (which hides a common factor), those in branches (which may never run).
    """
    live = _live(model)
    usable = [
        weight
        for weight in weights(model)
        if not weight.bias and set(weight.node.output) & live and array(weight.tensor).any()
    ]
    readers: dict[str, list[Any]] = {}
    for graph in subgraphs(model.graph):
        for node in graph.node:
            for name in node.input:
                readers.setdefault(name, []).append(node)
    for wanted in (
        lambda w: array(w.tensor).size >= 16,
        lambda w: not w.nested,
        lambda w: not _normalised(w.node, readers, 4),
    ):
        better = [weight for weight in usable if wanted(weight)]
        usable = better if len(better) >= min(3, count) else usable
    if len(usable) <= count:
        return usable
    return [usable[round(k * (len(usable) - 1) / (count - 1))] for k in range(count)]


def _sources(name: str, held: Any, maker: Any) -> Iterator[str]:
    """Yield the constants that ``name`` is made of by rearranging alone."""
    stack, steps = [name], 0
    while stack and steps < 1000:
        name, steps = stack.pop(), steps + 1
        if name in held:
            yield name
            continue
        node = maker.get(name)
        if node is not None and node.op_type in REARRANGING:
            stack += reversed(node.input if node.op_type == "Concat" else node.input[:1])


def _normalised(node: Any, readers: Any, depth: int) -> bool:
    for reader in readers.get(node.output[0], ()) if depth else ():
        if reader.op_type in NORMALISING:
            return True
        if reader.op_type in {"Add", "Transpose", "Reshape"} and _normalised(
            reader, readers, depth - 1
        ):
            return True
    return False


def _live(model: Any) -> set[str]:
    """Return every name that an output depends on."""
    live = {value.name for value in model.graph.output}
    for node in reversed(model.graph.node):
        if live & set(node.output):
            live |= outer_names(node)
            live |= {name for n in _inside(node) for name in n.output}
    return live


def _inside(node: Any) -> Iterator[Any]:
    from modelport_onnx.graph import bodies

    for body in bodies(node):
        for graph in subgraphs(body):
            yield from graph.node

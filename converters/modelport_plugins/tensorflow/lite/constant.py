"""The constants of a TFLite model that are multiplied by: to list them, and to edit them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from modelport_plugins.tensorflow.lite.schema import Operator, dtype, name, operators, subgraphs

# Operator: positions of its weights, positions of its biases.
POSITIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "CONV_2D": ((1,), (2,)),
    "CONV_3D": ((1,), (2,)),
    "CONV_3D_TRANSPOSE": ((1,), (3,)),
    "DEPTHWISE_CONV_2D": ((1,), (2,)),
    "FULLY_CONNECTED": ((1,), (2,)),
    "TRANSPOSE_CONV": ((1,), (3,)),
    "BATCH_MATMUL": ((0, 1), ()),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ((1, 2, 3, 4, 5, 6, 7, 8), (12, 13, 14, 15)),
    "UNIDIRECTIONAL_SEQUENCE_RNN": ((1, 2), (3,)),
    "CUSTOM:Convolution2DTransposeBias": ((1,), (2,)),
}
# From TFLite's layout to ONNX's, so that a weight is found without a search.
LAYOUTS = {
    "CONV_2D": (0, 3, 1, 2),  # OHWI
    "DEPTHWISE_CONV_2D": (3, 0, 1, 2),  # 1HWC
    "TRANSPOSE_CONV": (3, 0, 1, 2),  # OHWI; ONNX has IOHW
    "CUSTOM:Convolution2DTransposeBias": (3, 0, 1, 2),
}
# What may stand between a constant and the operator that multiplies by it.
REARRANGING = {"DEQUANTIZE", "DENSIFY", "RESHAPE", "TRANSPOSE", "CAST"}
GATHERING = {"GATHER": (0, 1), "EMBEDDING_LOOKUP": (1, 0)}  # table, indices
FLOATS = {"float32": "<f4", "float16": "<f2", "float64": "<f8"}


@dataclass(frozen=True)
class Constant:
    """One constant tensor that is multiplied by.

    Attributes:
        tensor: Its description in the flatbuffer.
        values: View of its numbers, flat; an edit edits the model. Sparse ones are shorter
            than the shape says.
        kind: The operator that uses it.
        bias: Whether it is added, not multiplied by.
    """

    name: str
    tensor: Any
    values: Any
    kind: str
    bias: bool


def size(model: Any, tensor: Any) -> int:
    """Return the bytes of a tensor's buffer; 0 for one that is computed."""
    buffer = model.Buffers(tensor.Buffer())
    return int(buffer.Size() or buffer.DataLength())


def constants(model: Any) -> Iterator[Constant]:
    """Yield every float constant that reaches a weight or bias position, once."""
    graphs = list(subgraphs(model))
    found = list(operators(model))
    makers = {(op.subgraph, out): op for op in found for out in op.outputs}
    seen: set[int] = set()
    for operator in found:
        main, biases = POSITIONS.get(operator.kind, ((), ()))
        graph = graphs[operator.subgraph]
        for position, index in enumerate(operator.inputs):
            if position not in main + biases or index < 0:
                continue
            origin = _origin(makers, operator.subgraph, index)
            tensor = graph.Tensors(origin)
            form = FLOATS.get(dtype(tensor))
            values = _values(model, tensor, form) if form else None
            if values is None or tensor.Buffer() in seen:
                continue
            seen.add(tensor.Buffer())
            bias = position in biases
            yield Constant(name(tensor, origin), tensor, values, operator.kind, bias)


def _origin(makers: dict[tuple[int, int], Operator], subgraph: int, index: int) -> int:
    for _ in range(100):
        maker = makers.get((subgraph, index))
        if maker is None or maker.kind not in REARRANGING or not maker.inputs:
            break
        index = maker.inputs[0]
    return index


def _values(model: Any, tensor: Any, form: str) -> Any:
    """Return a flat view of a tensor's numbers; None for one that is computed."""
    import numpy as np

    buffer = model.Buffers(tensor.Buffer())
    if buffer.DataLength():
        return buffer.DataAsNumpy().view(form)
    if buffer.Size() > 1:  # beyond 2 GB they stand behind the flatbuffer
        start = buffer.Offset()
        return np.frombuffer(model._tab.Bytes, form, buffer.Size() // int(form[2]), start)  # noqa: SLF001  # the bytes it was opened on
    return None


def dense(constant: Constant) -> Any:
    """Return the values in ONNX's layout as float32; None for a sparse constant."""
    import numpy as np

    shape = [constant.tensor.Shape(i) for i in range(constant.tensor.ShapeLength())]
    if math.prod(shape) != constant.values.size:
        return None
    array = constant.values.reshape(shape).astype(np.float32)
    axes = LAYOUTS.get(constant.kind, ())
    return array.transpose(axes) if len(axes) == array.ndim and not constant.bias else array


def faults(model: Any, count: int) -> list[Constant]:
    """Return up to ``count`` weights, spread over the graph, to be scaled."""
    usable = [one for one in constants(model) if not one.bias and one.values.any()]
    large = [one for one in usable if one.values.size >= 16]
    usable = large if len(large) >= min(3, count) else usable
    if len(usable) <= count:
        return usable
    return [usable[round(k * (len(usable) - 1) / (count - 1))] for k in range(count)]


def bounds(model: Any, found: Sequence[Operator]) -> dict[int, dict[str, int]]:
    """Return what the inputs of the first graph may be, where they index a table."""
    graph = model.Subgraphs(0)
    makers = {(op.subgraph, out): op for op in found for out in op.outputs}
    told: dict[int, dict[str, int]] = {}
    for operator in found:
        places = GATHERING.get(operator.kind)
        if places is None or operator.subgraph or len(operator.inputs) < 2:
            continue
        table = graph.Tensors(operator.inputs[places[0]])
        if size(model, table) and table.ShapeLength():
            index = _origin(makers, 0, operator.inputs[places[1]])
            told[index] = {"minimum": 0, "maximum": int(table.Shape(0)) - 1}
    return told

"""Rewrites a TFLite model into what tf2onnx reads, in the flatbuffer itself.

Each rewrite keeps the meaning, so LiteRT gives the same numbers before and after.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from modelport_plugins.tensorflow.lite import schema
from modelport_sdk import UnsupportedFeature

DECONVOLUTION = "Convolution2DTransposeBias"  # MediaPipe's
SAME = 1  # TfLitePadding; the schema's enumeration begins one lower
SEGMENTS = 1  # DimensionType SPARSE_CSR


def prepared(data: bytes) -> tuple[bytes, list[str]]:
    """Return the model as tf2onnx takes it, and a sentence for each kind of change.

    Raises:
        CorruptModel: The file is damaged.
        UnsupportedFeature: A sparse tensor is stored in a way that the schema does not describe.
    """
    with schema.damage():
        model = schema.generated().ModelT.InitFromObj(schema.opened(bytearray(data)))
        notes = [note for step in STEPS if (note := step(model))]
        if not notes:
            return data, notes
        import flatbuffers

        builder = flatbuffers.Builder(len(data))
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output()), notes


def _unique(model: Any) -> str:
    """Tensors are known by name behind this door: two of one name would become one."""
    count = 0
    for graph in model.subgraphs:
        seen: set[bytes] = set()
        ports = [*graph.inputs, *graph.outputs]
        for index in sorted(range(len(graph.tensors)), key=lambda i: i not in ports):
            tensor = graph.tensors[index]
            name = tensor.name or b""
            if not name or name in seen:
                fresh = b"tensor_%d" % index if not name else b"%s#%d" % (name, index)
                tensor.name = fresh
                count += 1
            seen.add(tensor.name)
    return f"{count} tensors renamed, whose names stood twice." if count else ""


def _dense(model: Any) -> str:
    """Write sparse constants out, and drop the operators that would."""
    count = 0
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.sparsity is not None:
                model.buffers[tensor.buffer].data = _spread(model, tensor)
                tensor.sparsity = None
                count += 1
        gone = [op for op in graph.operators if _kind(model, op) == "DENSIFY"]
        straight = {int(op.outputs[0]): int(op.inputs[0]) for op in gone}
        graph.operators = [op for op in graph.operators if op not in gone]
        for op in graph.operators:
            op.inputs = [straight.get(int(i), int(i)) for i in op.inputs]
    return f"{count} sparse constants written out." if count else ""


def _spread(model: Any, tensor: Any) -> Any:
    """Return the bytes of a sparse tensor in full.

    Source: TACO's format, as tensorflow/lite/kernels/internal/utils/sparsity_format_converter.cc.
    """
    import numpy as np

    told, rank = tensor.sparsity, len(tensor.shape)
    width = {"float16": 2, "float32": 4, "int8": 1}.get(_dtype(tensor), 0)
    if not width:
        raise UnsupportedFeature(f"a sparse tensor of {_dtype(tensor)}")
    values = np.frombuffer(np.asarray(model.buffers[tensor.buffer].data), f"V{width}")
    block = {
        int(d): rank + i for i, d in enumerate(told.blockMap if told.blockMap is not None else [])
    }
    sizes = {int(d): m.denseSize for d, m in zip(told.traversalOrder, told.dimMetadata)}
    places = np.zeros(1, np.int64)
    coordinates: dict[int, Any] = {}
    for axis, level in zip(told.traversalOrder, told.dimMetadata):
        if level.format == SEGMENTS:
            segments = np.asarray(level.arraySegments.values, np.int64)
            counts = segments[places + 1] - segments[places]
            parents = np.repeat(np.arange(len(places)), counts)
            starts = np.cumsum(counts) - counts
            inner = np.arange(int(counts.sum())) - np.repeat(starts, counts)
            places = segments[places][parents] + inner
            here = np.asarray(level.arrayIndices.values, np.int64)[places]
        else:
            parents = np.repeat(np.arange(len(places)), level.denseSize)
            here = np.tile(np.arange(level.denseSize), len(places))
            places = places[parents] * level.denseSize + here
        coordinates = {a: c[parents] for a, c in coordinates.items()}
        coordinates[int(axis)] = here
    index = [
        coordinates[d] * sizes[block[d]] + coordinates[block[d]] if d in block else coordinates[d]
        for d in range(rank)
    ]
    full = np.zeros(math.prod(int(s) for s in tensor.shape), values.dtype)
    full[np.ravel_multi_index(index, [int(s) for s in tensor.shape])] = values[places]
    return np.frombuffer(full.tobytes(), np.uint8)


def _deconvolution(model: Any) -> str:
    """Write MediaPipe's transposed convolution as TFLite's own, with the bias behind it."""
    module = schema.generated()
    count = 0
    for graph in model.subgraphs:
        for op in graph.operators:
            if _kind(model, op) != f"CUSTOM:{DECONVOLUTION}":
                continue
            padding, width, height = struct.unpack_from("<3i", bytes(op.customOptions))
            options = module.TransposeConvOptionsT()
            options.padding = 0 if padding == SAME else 1
            options.strideW, options.strideH = width, height
            op.builtinOptions = options
            op.builtinOptionsType = module.BuiltinOptions.TransposeConvOptions
            op.customOptions = None
            op.opcodeIndex = _code(model, "TRANSPOSE_CONV")
            data, weights, bias = (int(i) for i in op.inputs)
            op.inputs = [_sizes(model, graph, op), weights, data, bias]
            count += 1
    return f"{count} {DECONVOLUTION} of MediaPipe written as TRANSPOSE_CONV." if count else ""


def _sizes(model: Any, graph: Any, op: Any) -> int:
    """Return the index of a new constant: the shape of the operator's output."""
    import numpy as np

    module = schema.generated()
    shape = np.asarray(graph.tensors[int(op.outputs[0])].shape, np.int32)
    buffer, tensor = module.BufferT(), module.TensorT()
    buffer.data = np.frombuffer(shape.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.name = b"output_shape_%d" % len(graph.tensors)
    tensor.shape, tensor.type = [len(shape)], module.TensorType.INT32
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _bias(model: Any) -> str:
    """Add the bias of a TRANSPOSE_CONV behind it, where tf2onnx would lose it."""
    import copy

    module = schema.generated()
    count = 0
    for graph in model.subgraphs:
        operators = []
        for op in graph.operators:
            operators.append(op)
            if _kind(model, op) != "TRANSPOSE_CONV" or len(op.inputs) < 4 or op.inputs[3] < 0:
                continue
            end = int(op.outputs[0])
            if _dtype(graph.tensors[end]) != "float32":
                raise UnsupportedFeature("a quantised TRANSPOSE_CONV with a bias")
            inner = copy.copy(graph.tensors[end])
            inner.name = (inner.name or b"") + b"/without_bias"
            graph.tensors.append(inner)
            after = module.OperatorT()
            after.opcodeIndex = _code(model, "ADD")
            after.inputs, after.outputs = [len(graph.tensors) - 1, int(op.inputs[3])], [end]
            after.builtinOptionsType = module.BuiltinOptions.AddOptions
            after.builtinOptions = module.AddOptionsT()
            after.builtinOptions.fusedActivationFunction = op.builtinOptions.fusedActivationFunction
            op.builtinOptions.fusedActivationFunction = 0
            op.inputs, op.outputs = list(op.inputs[:3]), [len(graph.tensors) - 1]
            operators.append(after)
            count += 1
        graph.operators = operators
    return f"{count} biases of TRANSPOSE_CONV written as ADD." if count else ""


def _kind(model: Any, op: Any) -> str:
    code = model.operatorCodes[op.opcodeIndex]
    names = {
        v: n for n, v in vars(schema.generated().BuiltinOperator).items() if isinstance(v, int)
    }
    name = names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "")
    custom = code.customCode or b""
    return f"CUSTOM:{custom.decode('utf-8', 'replace')}" if name == "CUSTOM" else name


def _code(model: Any, name: str) -> int:
    """Return the index of an operator code, added if it is not there."""
    module = schema.generated()
    number = getattr(module.BuiltinOperator, name)
    for index, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == number:
            return index
    code = module.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, number, 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _dtype(tensor: Any) -> str:
    kinds = vars(schema.generated().TensorType)
    return next(
        (n for n, value in kinds.items() if value == tensor.type and n.isupper()), ""
    ).lower()


STEPS: tuple[Callable[[Any], str], ...] = (_unique, _dense, _deconvolution, _bias)

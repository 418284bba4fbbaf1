"""Rewrites a TFLite model into what tf2onnx reads, in the flatbuffer itself.

Each rewrite keeps the meaning, so LiteRT gives the same numbers before and after.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from modelport_plugins.tensorflow.lite import flatbuffer, schema
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
    model = flatbuffer.unpacked(data)
    with schema.damage():
        notes = [note for step in STEPS if (note := step(model))]
    return (flatbuffer.packed(model) if notes else data), notes


def _unique(model: Any) -> str:
    """Tensors are known by name behind this door: two of one name would become one."""
    count = 0
    for graph in model.subgraphs:
        seen: set[bytes] = set()
        ports = [int(index) for index in (*graph.inputs, *graph.outputs)]
        for index in dict.fromkeys([*ports, *range(len(graph.tensors))]):
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
        gone = [op for op in graph.operators if flatbuffer.kind(model, op) == "DENSIFY"]
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
    width = {"float16": 2, "float32": 4, "int8": 1}.get(flatbuffer.dtype(tensor), 0)
    if not width:
        raise UnsupportedFeature(f"a sparse tensor of {flatbuffer.dtype(tensor)}")
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
            if flatbuffer.kind(model, op) != f"CUSTOM:{DECONVOLUTION}":
                continue
            padding, width, height = struct.unpack_from("<3i", bytes(op.customOptions))
            options = module.TransposeConvOptionsT()
            options.padding = 0 if padding == SAME else 1
            options.strideW, options.strideH = width, height
            op.builtinOptions = options
            op.builtinOptionsType = module.BuiltinOptions.TransposeConvOptions
            op.customOptions = None
            op.opcodeIndex = flatbuffer.code(model, "TRANSPOSE_CONV")
            data, weights, bias = (int(i) for i in op.inputs)
            shape = [int(size) for size in graph.tensors[int(op.outputs[0])].shape]
            sizes = flatbuffer.integers(model, graph, f"output_shape_{count}", shape)
            op.inputs = [sizes, weights, data, bias]
            count += 1
    return f"{count} {DECONVOLUTION} of MediaPipe written as TRANSPOSE_CONV." if count else ""


def _bias(model: Any) -> str:
    """Add the bias of a TRANSPOSE_CONV behind it, where tf2onnx would lose it."""
    import copy

    module = schema.generated()
    count = 0
    for graph in model.subgraphs:
        operators = []
        for op in graph.operators:
            operators.append(op)
            if (
                flatbuffer.kind(model, op) != "TRANSPOSE_CONV"
                or len(op.inputs) < 4
                or op.inputs[3] < 0
            ):
                continue
            end = int(op.outputs[0])
            if flatbuffer.dtype(graph.tensors[end]) != "float32":
                raise UnsupportedFeature("a quantised TRANSPOSE_CONV with a bias")
            inner = copy.copy(graph.tensors[end])
            inner.name = (inner.name or b"") + b"/without_bias"
            graph.tensors.append(inner)
            after = module.OperatorT()
            after.opcodeIndex = flatbuffer.code(model, "ADD")
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


STEPS: tuple[Callable[[Any], str], ...] = (_unique, _dense, _deconvolution, _bias)

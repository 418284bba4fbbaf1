"""Writes small TFLite models and what LiteRT gives for them: ``python lite_models.py FOLDER``.

Runs in the environment ``litert``: ``NAME.tflite`` and, where LiteRT runs it, ``NAME.npz`` with
``x`` and the output ``y``.
"""

import struct
import sys
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

DRAW = np.random.default_rng(5)
KINDS = schema.TensorType


def normal(*shape):
    return DRAW.standard_normal(shape).astype(np.float32)


class Model:
    """A model of one subgraph; tensors are made by name, in the order of their first use."""

    def __init__(self):
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name, shape, values=None, kind=KINDS.FLOAT32):
        one = schema.TensorT()
        one.name, one.shape, one.type, one.buffer = name.encode(), list(shape), kind, 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            one.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(one)
        return len(self.graph.tensors) - 1

    def constant(self, name, values):
        kind = {"float32": KINDS.FLOAT32, "float16": KINDS.FLOAT16, "int32": KINDS.INT32}
        return self.tensor(name, values.shape, values, kind[values.dtype.name])

    def add(self, kind, inputs, output, settings=None, *, custom=None, raw=None):
        code, one = schema.OperatorCodeT(), schema.OperatorT()
        number = getattr(schema.BuiltinOperator, kind)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        code.customCode = custom
        self.model.operatorCodes.append(code)
        one.opcodeIndex = len(self.model.operatorCodes) - 1
        one.inputs, one.outputs = inputs, [output]
        if settings is not None:
            one.builtinOptions = settings
            name = type(settings).__name__.removesuffix("T")
            one.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        one.customOptions = raw and list(raw)
        self.graph.operators.append(one)
        return output

    def written(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def options(name, **given):
    made = getattr(schema, name)()
    for key, value in given.items():
        setattr(made, key, value)
    return made


def convolution(weights=None, names=("kernel", "bias")):
    """Conv 3x3 over (1, 6, 5, 4), 8 channels, ReLU."""
    net = Model()
    x = net.tensor("x", (1, 6, 5, 4))
    kernel = weights(net) if weights else net.constant(names[0], normal(8, 3, 3, 4))
    bias = net.constant(names[1], normal(8))
    y = net.tensor("y", (1, 6, 5, 8))
    given = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    net.add(
        "CONV_2D",
        [x, kernel, bias],
        y,
        options("Conv2DOptionsT", fusedActivationFunction=1, **given),
    )
    return net, [x], [y]


def half():
    """Weights stored as float16, with DEQUANTIZE behind them."""

    def weights(net):
        small = net.constant("half", normal(8, 3, 3, 4).astype(np.float16))
        return net.add(
            "DEQUANTIZE", [small], net.tensor("kernel", (8, 3, 3, 4)), options("DequantizeOptionsT")
        )

    return convolution(weights)


def sparse():
    """Two channels of eight are kept, in TACO's form."""

    def weights(net):
        kept = normal(2, 3, 3, 4).astype(np.float16)
        small = net.tensor("sparse", (8, 3, 3, 4), kept, KINDS.FLOAT16)
        told = schema.SparsityParametersT()
        told.traversalOrder, told.blockMap = [0, 1, 2, 3], []
        first = options(
            "DimensionMetadataT", format=1,
            arraySegmentsType=schema.SparseIndexVector.Int32Vector,
            arraySegments=options("Int32VectorT", values=[0, 2]),
            arrayIndicesType=schema.SparseIndexVector.Int32Vector,
            arrayIndices=options("Int32VectorT", values=[1, 6]),
        )  # fmt: skip
        rest = [options("DimensionMetadataT", format=0, denseSize=n) for n in (3, 3, 4)]
        told.dimMetadata = [first, *rest]
        net.graph.tensors[small].sparsity = told
        full = net.add(
            "DENSIFY",
            [small],
            net.tensor("full", (8, 3, 3, 4), kind=KINDS.FLOAT16),
            options("DensifyOptionsT"),
        )
        return net.add(
            "DEQUANTIZE", [full], net.tensor("kernel", (8, 3, 3, 4)), options("DequantizeOptionsT")
        )

    return convolution(weights)


def gelu(approximate):
    net = Model()
    x = net.tensor("x", (1, 40))
    y = net.add(
        "GELU", [x], net.tensor("y", (1, 40)), options("GeluOptionsT", approximate=approximate)
    )
    return net, [x], [y]


def deconvolution(custom):
    """A transposed convolution with a bias: TFLite's own, or MediaPipe's."""
    net = Model()
    x = net.tensor("x", (1, 4, 3, 5))
    kernel, bias = net.constant("kernel", normal(6, 2, 2, 5)), net.constant("bias", normal(6))
    y = net.tensor("y", (1, 8, 6, 6))
    if custom:
        raw = struct.pack("<3i", 1, 2, 2)
        net.add("CUSTOM", [x, kernel, bias], y, custom=b"Convolution2DTransposeBias", raw=raw)
    else:
        sizes = net.constant("sizes", np.array([1, 8, 6, 6], np.int32))
        given = options(
            "TransposeConvOptionsT", strideW=2, strideH=2, padding=0, fusedActivationFunction=1
        )
        net.add("TRANSPOSE_CONV", [sizes, kernel, x, bias], y, given)
        net.model.operatorCodes[-1].version = 3
    return net, [x], [y]


def state():
    """Memory that lasts from one call to the next."""
    net = Model()
    x = net.tensor("x", (1, 4))
    handle = net.tensor("handle", (), kind=KINDS.RESOURCE)
    net.add("VAR_HANDLE", [], handle, options("VarHandleOptionsT", sharedName=b"kept"))
    y = net.add("READ_VARIABLE", [handle], net.tensor("y", (1, 4)), options("ReadVariableOptionsT"))
    return net, [x], [y]


def stranger(name):
    net = Model()
    x = net.tensor("x", (1, 4))
    y = net.add("CUSTOM", [x], net.tensor("y", (1, 4)), custom=name)
    return net, [x], [y]


MODELS = {
    "convolution": convolution,
    "twins": lambda: convolution(names=("same", "same")),
    "half": half,
    "sparse": sparse,
    "gelu": lambda: gelu(approximate=False),
    "gelu_tanh": lambda: gelu(approximate=True),
    "deconvolution": lambda: deconvolution(custom=False),
    "deconvolution_mediapipe": lambda: deconvolution(custom=True),
    "state": state,
    "flex": lambda: stranger(b"FlexErf"),
    "stranger": lambda: stranger(b"Mystery"),
}


def main(folder):
    for name, build in MODELS.items():
        net, inputs, outputs = build()
        path = folder / f"{name}.tflite"
        path.write_bytes(net.written(inputs, outputs))
        try:
            runner = Interpreter(model_path=str(path), num_threads=1)
            runner.allocate_tensors()
        except RuntimeError:  # operators that LiteRT lacks, on purpose
            continue
        given = normal(*runner.get_input_details()[0]["shape"])
        runner.set_tensor(runner.get_input_details()[0]["index"], given)
        try:
            runner.invoke()
        except RuntimeError:  # a variable that nobody has written
            continue
        y = runner.get_tensor(runner.get_output_details()[0]["index"])
        np.savez(folder / f"{name}.npz", x=given, y=y)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

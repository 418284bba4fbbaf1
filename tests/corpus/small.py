"""Writes the small ONNX models of the end-to-end tests: ``python small.py FOLDER``.

Runs in the environment ``base``; the tests' own interpreter has no framework.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DRAW = np.random.default_rng(7)


def weight(name, *shape):
    fan_in = int(np.prod(shape[1:])) or 1
    return numpy_helper.from_array(
        DRAW.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32), name
    )


def model(nodes, inputs, outputs, weights, opset=17):
    graph = helper.make_graph(nodes, "small", inputs, outputs, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    onnx.checker.check_model(made, full_check=True)
    return made


def tensor(name, *shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def pair():
    """A convolutional network with two outputs of one shape, both in use."""
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], strides=[2, 2]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("GlobalAveragePool", ["r2"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["first"], transB=1),
        helper.make_node("Gemm", ["f", "w4", "b4"], ["second"], transB=1),
    ]
    weights = [
        weight("w1", 8, 3, 3, 3),
        weight("b1", 8),
        weight("w2", 16, 8, 3, 3),
        weight("b2", 16),
        weight("w3", 5, 16),
        weight("b3", 5),
        weight("w4", 5, 16),
        weight("b4", 5),
    ]
    outputs = [tensor("first", 1, 5), tensor("second", 1, 5)]
    return model(nodes, [tensor("image", 1, 3, 16, 16)], outputs, weights)


def einsum():
    """An operator that NCNN has no counterpart for."""
    nodes = [helper.make_node("Det", ["x"], ["y"])]
    return model(nodes, [tensor("x", 2, 3, 3)], [tensor("y", 2)], [])


def external(folder):
    """A model whose weights stand in a second file."""
    made = model(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
        [tensor("x", 1, 64)],
        [tensor("y", 1, 32)],
        [weight("w", 32, 64), weight("b", 32)],
    )
    onnx.save(
        made,
        folder / "outside.onnx",
        save_as_external_data=True,
        location="outside.weights",
        size_threshold=0,
    )


if __name__ == "__main__":
    into = Path(sys.argv[1])
    into.mkdir(parents=True, exist_ok=True)
    onnx.save(pair(), into / "pair.onnx")
    onnx.save(einsum(), into / "det.onnx")
    external(into)

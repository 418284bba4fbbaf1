"""Sound ONNX models, whole and from a node or two, for faults to be put into; in ``base``."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

DRAW = np.random.default_rng(3)
MADE = {}


def fault(function):
    MADE[function.__name__.replace("_", "-")] = function
    return function


def weight(name, *shape):
    return numpy_helper.from_array((DRAW.normal(size=shape) / 4).astype(np.float32), name)


def tensor(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def sound():
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "v", "u"], ["y"], transB=1),
    ]
    weights = [weight("w", 8, 3, 3, 3), weight("b", 8), weight("v", 5, 8), weight("u", 5)]
    return wrapped(nodes, weights, [tensor("x", [1, 3, 8, 8])], [tensor("y", [1, 5])])


def wrapped(nodes, weights, inputs, outputs, **more):
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", 17), *more.pop("opsets", [])]
    made = helper.make_model(graph, opset_imports=opsets, **more)
    made.ir_version = 8
    return made


def chain(*nodes, weights=(), shape=(1, 4)):
    """Return a graph from x to y that ends with Identity."""
    last = helper.make_node("Identity", [nodes[-1].output[0]], ["y"])
    outputs = [helper.make_empty_tensor_value_info("y")]
    outputs[0].type.tensor_type.elem_type = TensorProto.FLOAT
    return wrapped([*nodes, last], list(weights), [tensor("x", list(shape))], outputs)


def numbers(name, *values, kind=np.int64):
    return numpy_helper.from_array(np.array(values, kind), name)

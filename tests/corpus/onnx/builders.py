"""Small ONNX models for the rows and checks of this folder; seeded, no file needed.

Runs in the environment ``base``; the tests' own interpreter has no framework.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def weight(name, *shape, seed=0):
    values = np.random.default_rng(seed + len(name)).normal(0, 0.3, shape)
    return numpy_helper.from_array(values.astype(np.float32), name)


def ints(name, values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def port(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, weights=(), *, opset=17, ir=8, domains=()):
    graph = helper.make_graph(nodes, "small", inputs, outputs, list(weights))
    sets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=sets, ir_version=ir)


def conv_bn_relu():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w2", "b2"], ["y"], transB=1),
    ]
    variance = numpy_helper.from_array(np.linspace(0.5, 2, 8, dtype=np.float32), "v")
    weights = [weight("w", 8, 3, 3, 3), weight("s", 8), weight("b", 8), weight("m", 8), variance]
    weights += [weight("w2", 4, 8), weight("b2", 4)]
    return model(nodes, [port("x", ["batch", 3, 8, 8])], [port("y", ["batch", 4])], weights)


def perceptron():
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"]),
    ]
    weights = [weight("w1", 16, 32), weight("b1", 32), weight("w2", 32, 5), weight("b2", 5)]
    return model(nodes, [port("x", [1, 16])], [port("y", [1, 5])], weights)


def old_perceptron():
    made = perceptron()
    made.opset_import[0].version = 9
    return made


def embedding():
    nodes = [
        helper.make_node("Cast", ["ids"], ["wide"], to=INT64),
        helper.make_node("Gather", ["table", "wide"], ["e"]),
        helper.make_node("MatMul", ["e", "w"], ["y"]),
    ]
    weights = [weight("table", 50, 8), weight("w", 8, 3)]
    ids = port("ids", ["batch", "length"], TensorProto.INT32)
    return model(nodes, [ids], [port("y", ["batch", "length", 3])], weights)


def branch(name, factor, source):
    nodes = [helper.make_node("MatMul", [source, f"{name}_w"], [f"{name}_y"])]
    weights = [weight(f"{name}_w", 4, 4, seed=factor)]
    return helper.make_graph(nodes, name, [], [port(f"{name}_y", [1, 4])], weights)


def rate():
    nodes = [
        helper.make_node("Equal", ["sr", "sixteen"], ["c"]),
        helper.make_node(
            "If", ["c"], ["y"], then_branch=branch("t", 1, "x"), else_branch=branch("e", 2, "x")
        ),
    ]
    inputs = [port("x", [1, 4]), port("sr", [], INT64)]
    return model(nodes, inputs, [port("y", [1, 4])], [ints("sixteen", 16000)])


def flat_condition():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["score"]),
        helper.make_node("GreaterOrEqual", ["score", "limit"], ["c"]),
        helper.make_node(
            "If", ["c"], ["y"], then_branch=branch("t", 1, "x"), else_branch=branch("e", 2, "x")
        ),
    ]
    limit = numpy_helper.from_array(np.zeros((1, 1), np.float32), "limit")
    weights = [weight("w", 4, 1), limit]
    return model(nodes, [port("x", [1, 4])], [port("y", [1, 4])], weights)


def old_softmax():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Softmax", ["p"], ["y"]),
    ]
    inputs = [port("x", [1, 3, 6, 6]), port("w", [7, 3, 3, 3])]
    return model(nodes, inputs, [port("y", [1, 7, 1, 1])], [weight("w", 7, 3, 3, 3)], opset=9, ir=3)


def shape_arithmetic():
    nodes = [
        helper.make_node("Constant", [], ["zero"], value=ints("", 0)),
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["f"]),
        helper.make_node("Identity", ["f"], ["g"]),
        helper.make_node("MatMul", ["g", "w"], ["y"]),
    ]
    weights = [ints("axis", [0]), ints("rest", [-1]), weight("w", 12, 3)]
    return model(nodes, [port("x", ["batch", 3, 4])], [port("y", ["batch", 3])], weights)


def reductions():
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["a"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMin", ["x"], ["b"], axes=[1, 2], keepdims=0),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    return model(nodes, [port("x", [1, 5, 6, 7])], [port("y", [1, 7])])


def lstm_step():
    nodes = [
        helper.make_node(
            "LSTM", ["x", "w", "r", "b", "", "h", "c"], ["y", "hn", "cn"], hidden_size=6
        )
    ]
    state = [1, 2, 6]
    inputs = [port("x", [1, 2, 5]), port("h", state), port("c", state)]
    outputs = [port("y", [1, 1, 2, 6]), port("hn", state), port("cn", state)]
    weights = [weight("w", 1, 24, 5), weight("r", 1, 24, 6), weight("b", 1, 48)]
    return model(nodes, inputs, outputs, weights)


def safe_division():
    zero = numpy_helper.from_array(np.zeros((), np.float32), "zero")
    nodes = [
        helper.make_node("Equal", ["b", "zero"], ["none"]),
        helper.make_node("Div", ["a", "b"], ["q"]),
        helper.make_node("Where", ["none", "zero", "q"], ["y"]),
    ]
    return model(nodes, [port("a", [1, 8]), port("b", [1, 8])], [port("y", [1, 8])], [zero])


def selected():
    nodes = [
        helper.make_node("Gather", ["x", "one"], ["a"], axis=0),
        helper.make_node("Unsqueeze", ["a", "axis"], ["u"]),
        helper.make_node("Concat", ["u", "x"], ["y"], axis=0),
    ]
    weights = [ints("one", 1), ints("axis", [0])]
    return model(nodes, [port("x", [2, 3, 4])], [port("y", [3, 3, 4])], weights)


def unsorted():
    nodes = [
        helper.make_node("Relu", ["h"], ["y"]),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
    ]
    return model(nodes, [port("x", [1, 4])], [port("y", [1, 4])], [weight("w", 4, 4)])


def pieces():
    nodes = [helper.make_node("SplitToSequence", ["x"], ["y"], axis=1, keepdims=0)]
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None))
    return model(nodes, [port("x", [2, 3])], [helper.make_value_info("y", kind)])


def cast_weights():
    """Weights behind Constant and Transpose nodes, as exporters leave them."""
    nodes = [
        helper.make_node("Constant", [], ["k"], value=weight("", 5, 16)),
        helper.make_node("Transpose", ["k"], ["kt"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "kt"], ["y"]),
    ]
    return model(nodes, [port("x", [1, 16])], [port("y", [1, 5])])


def unknown_operator():
    nodes = [helper.make_node("Frobnicate", ["x"], ["y"])]
    return model(nodes, [port("x", [1, 4])], [port("y", [1, 4])])


def foreign_operator():
    nodes = [helper.make_node("Frobnicate", ["x"], ["y"], domain="acme")]
    return model(nodes, [port("x", [1, 4])], [port("y", [1, 4])], domains=["acme"])


def old_addition():
    """Add of operator set 6, which no runtime has kept."""
    node = helper.make_node("Add", ["x", "x"], ["y"])
    return model([node], [port("x", (1, 4))], [port("y", (1, 4))], opset=6)


def gelu():
    nodes = [helper.make_node("Gelu", ["x"], ["y"])]
    return model(nodes, [port("x", [1, 4])], [port("y", [1, 4])], opset=20, ir=9)


def missing_input():
    nodes = [helper.make_node("Add", ["x", "nowhere"], ["y"])]
    return model(nodes, [port("x", [1, 4])], [port("y", [1, 4])])


def half_constant():
    """A square root of a float16 constant: not folded, since its rounding is the runtime's."""
    half = numpy_helper.from_array(np.array([3], np.float16), "three")
    nodes = [
        helper.make_node("Sqrt", ["three"], ["root"]),
        helper.make_node("Cast", ["root"], ["wide"], to=FLOAT),
        helper.make_node("Mul", ["x", "wide"], ["y"]),
    ]
    return model(nodes, [port("x", [1, 4])], [port("y", [1, 4])], [half])


def mismatch():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    return model(nodes, [port("x", [1, 4])], [port("y", [1, 3])], [weight("w", 5, 3)])


def feeds(made, seed=0):
    """Return random inputs; open dimensions are 2, integers lie in 0 to 9, rates are 16000."""
    random = np.random.default_rng(seed)
    held = {tensor.name for tensor in made.graph.initializer}
    found = {}
    for value in made.graph.input:
        if value.name in held:
            continue
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        sizes = [dim.dim_value or 2 for dim in value.type.tensor_type.shape.dim]
        draw = (
            random.standard_normal(sizes) if kind == np.float32 else random.integers(0, 10, sizes)
        )
        found[value.name] = np.asarray(draw).astype(kind)
    if "sr" in found:
        found["sr"] = np.array(16000, np.int64)
    return found


def save(name, path):
    onnx.save(globals()[name](), str(path))

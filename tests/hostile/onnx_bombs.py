"""Graphs that cost more than they weigh: nesting, functions, loops, sizes; in ``base``."""

import math

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_sound import MADE, chain, fault, numbers, tensor, wrapped

__all__ = ["MADE"]


@fault
def branches_nested(m):
    body = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["o0"])], "b", [], [tensor("o0", [1, 4])]
    )
    for level in range(1, 20):
        node = helper.make_node("If", ["k"], [f"o{level}"], then_branch=body, else_branch=body)
        body = helper.make_graph([node], "b", [], [tensor(f"o{level}", [1, 4])])
        if level > 12:  # twice the size a level
            body.node[0].attribute[1].g.CopyFrom(
                helper.make_graph(
                    [helper.make_node("Identity", ["x"], [f"o{level - 1}"])],
                    "b",
                    [],
                    [tensor(f"o{level - 1}", [1, 4])],
                )
            )
    return chain(*body.node, weights=[numpy_helper.from_array(np.array(True), "k")])


@fault
def function_recursive(m):
    inner = helper.make_function(
        "d",
        "F",
        ["a"],
        ["z"],
        [helper.make_node("F", ["a"], ["z"], domain="d")],
        [helper.make_opsetid("d", 1)],
    )
    return _called(inner)


@fault
def function_bomb(m):
    made = [
        helper.make_function(
            "d",
            "F0",
            ["a"],
            ["z"],
            [helper.make_node("Relu", ["a"], ["z"])],
            [helper.make_opsetid("", 17)],
        )
    ]
    for level in range(1, 10):
        names = ["a", *[f"t{i}" for i in range(9)], "z"]
        nodes = [
            helper.make_node(f"F{level - 1}", [a], [b], domain="d")
            for a, b in zip(names, names[1:])
        ]
        made.append(
            helper.make_function(
                "d", f"F{level}", ["a"], ["z"], nodes, [helper.make_opsetid("d", 1)]
            )
        )
    return _called(*made)


def _called(*functions):
    node = helper.make_node(functions[-1].name, ["x"], ["y"], domain="d")
    return wrapped(
        [node],
        [],
        [tensor("x", [1, 4])],
        [tensor("y", [1, 4])],
        opsets=[helper.make_opsetid("d", 1)],
        functions=functions,
    )


@fault
def loop_endless(m):
    body = helper.make_graph(
        [helper.make_node("Identity", ["k"], ["k2"]), helper.make_node("Relu", ["a"], ["a2"])],
        "b",
        [
            tensor("i", [], TensorProto.INT64),
            tensor("k", [], TensorProto.BOOL),
            tensor("a", [1, 4]),
        ],
        [tensor("k2", [], TensorProto.BOOL), tensor("a2", [1, 4])],
    )
    weights = [
        numpy_helper.from_array(np.int64(2**62), "n"),
        numpy_helper.from_array(np.array(True), "t"),
    ]
    return chain(helper.make_node("Loop", ["n", "t", "x"], ["l"], body=body), weights=weights)


@fault
def range_bomb(m):
    ends = [numpy_helper.from_array(np.float32(v), n) for n, v in (("s", 0), ("e", 1e12), ("d", 1))]
    return chain(helper.make_node("Range", ["s", "e", "d"], ["q"]), weights=ends)


@fault
def fill_bomb(m):
    return chain(
        helper.make_node("ConstantOfShape", ["s"], ["q"]), weights=[numbers("s", 2**20, 2**20)]
    )


@fault
def tile_bomb(m):
    nodes = [
        helper.make_node("Tile", [f"t{i}" if i else "x", "s"], [f"t{i + 1}"]) for i in range(6)
    ]
    return chain(*nodes, weights=[numbers("s", 1000, 1)])


@fault
def pad_bomb(m):
    return chain(
        helper.make_node("Pad", ["x", "s"], ["q"]), weights=[numbers("s", 0, 2**33, 0, 2**33)]
    )


@fault
def resize_nan(m):
    node = helper.make_node("Resize", ["x", "", "s"], ["q"])
    return chain(
        node, weights=[numbers("s", 1, 1, math.nan, math.inf, kind=np.float32)], shape=(1, 1, 4, 4)
    )


@fault
def gather_outside(m):
    return chain(
        helper.make_node("Gather", ["x", "i"], ["q"], axis=1),
        weights=[numbers("i", 2**40, -(2**40))],
    )


@fault
def reshape_negative(m):
    return chain(helper.make_node("Reshape", ["x", "s"], ["q"]), weights=[numbers("s", -5, -1, -1)])


@fault
def axis_outside(m):
    return chain(helper.make_node("Softmax", ["x"], ["q"], axis=10**9))


@fault
def split_wrong(m):
    return chain(
        helper.make_node("Split", ["x", "s"], ["q", "p"], axis=1), weights=[numbers("s", -7, 11)]
    )


@fault
def compare_nan(m):
    nodes = [
        helper.make_node("Equal", ["x", "k"], ["e"]),
        helper.make_node("Cast", ["e"], ["q"], to=TensorProto.FLOAT),
    ]
    return chain(*nodes, weights=[numpy_helper.from_array(np.float32(math.nan), "k")], shape=())


@fault
def sparse_outside(m):
    values = numbers("w", 1.0, 2.0, kind=np.float32)
    made = chain(helper.make_node("Add", ["x", "w"], ["q"]))
    sparse = helper.make_sparse_tensor(values, numbers("i", 2**40, -3), [4])
    made.graph.sparse_initializer.extend([sparse])
    return made


@fault
def operators_20000(m):
    for index in range(20_000):
        m.graph.node.extend(
            [helper.make_node(f"Op{index}" + "o" * 1500, ["x"], [f"z{index}"], domain="d")]
        )
    m.opset_import.extend([helper.make_opsetid("d", 1)])

"""ONNX models of sequences for targets.py: reductions of opset 18, recurrent layers, attention."""

import numpy as np


def models(model, node, normal, float_type):
    """Return the models by name; the arguments are what targets.py builds with."""
    last, first = np.array([2], np.int64), np.array([1], np.int64)
    rows = {"x": ((1, 5, 6), float_type)}
    made = {}
    for name in ("Mean", "Max", "Min", "Sum"):
        nodes = [node("Relu", "x", "r"), node(f"Reduce{name}", "r axis", "y", keepdims=0)]
        kept = (1, 6) if name != "Sum" else (1, 5)
        axis = first if name != "Sum" else last
        made[f"{name.lower()}_18"] = model(
            nodes, rows, {"y": (kept, float_type)}, opset=18, axis=axis
        )
    made["lstm_both_ways"] = recurrent(model, node, normal, float_type, kind="LSTM", gates=4)
    made["gru_both_ways"] = recurrent(model, node, normal, float_type, kind="GRU", gates=3)
    made.update(gelu(model, node, float_type))
    made["attention"] = attention(model, node, normal, float_type)
    return made


def gelu(model, node, float_type):
    """The operator, and the chain that exporters of older operator sets write."""
    ports = {"x": ((1, 5, 6), float_type)}, {"y": ((1, 5, 6), float_type)}
    chain = [
        node("Div", "x root", "d"),
        node("Erf", "d", "e"),
        node("Add", "e one", "a"),
        node("Mul", "x a", "m"),
        node("Mul", "m half", "y"),
    ]
    held = {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}
    return {
        "gelu_20": model([node("Gelu", "x", "y")], *ports, opset=20),
        "gelu_17": model(chain, *ports, opset=17, **held),
    }


def recurrent(model, node, normal, float_type, *, kind, gates):
    """Two layers of both directions; the outputs of the second and the last states of both."""
    given = {"hidden_size": 4, "direction": "bidirectional"}
    if kind == "GRU":
        given["linear_before_reset"] = 1
    else:
        given["layout"] = given["input_forget"] = 0  # as the newer exporter writes them
    nodes = [node("Transpose", "x", "t", perm=[1, 0, 2])]
    held = {"zeros": np.zeros((2, 1, 4), np.float32)}
    before = "t"
    for layer, width in enumerate((6, 8)):
        names = [f"w{layer}", f"r{layer}", f"b{layer}"]
        sizes = (2, gates * 4, width), (2, gates * 4, 4), (2, gates * 8)
        held.update((name, normal(*size)) for name, size in zip(names, sizes, strict=True))
        made = node(kind, "", f"y{layer} h{layer}", **given)
        made.input.extend([before, *names, "", "zeros", *(["zeros"] if kind == "LSTM" else [])])
        before = f"f{layer}"
        nodes += [
            made,
            node("Transpose", f"y{layer}", f"p{layer}", perm=[0, 2, 1, 3]),
            node("Reshape", f"p{layer} flat", before),
        ]
    nodes += [node("Concat", "h0 h1", "last", axis=0), node("Relu", "f1", "y")]
    outputs = {"y": ((7, 1, 8), float_type), "last": ((4, 1, 4), float_type)}
    held["flat"] = np.array([0, 0, -1], np.int64)
    return model(nodes, {"x": ((1, 7, 6), float_type)}, outputs, opset=17, **held)


def attention(model, node, normal, float_type):
    """Query, key and value as one tensor of five axes, and a mean over the positions."""
    cuts = []
    for index, name in enumerate("qkv"):
        ends = f"at{index} at{index + 1} at0 at1"
        cuts += [node("Slice", f"p {ends}", f"s{name}"), node("Squeeze", f"s{name} at0", name)]
    nodes = [
        node("MatMul", "x weights", "m"),
        node("Reshape", "m heads", "h"),
        node("Transpose", "h", "p", perm=[2, 0, 3, 1, 4]),
        *cuts,
        node("Transpose", "k", "kt", perm=[0, 1, 3, 2]),
        node("MatMul", "q kt", "scores"),
        node("Softmax", "scores", "shares", axis=-1),
        node("MatMul", "shares v", "mixed"),
        node("Transpose", "mixed", "back", perm=[0, 2, 1, 3]),
        node("Reshape", "back flat", "joined"),
        node("ReduceMean", "joined at1", "y", keepdims=0),
    ]
    held = {f"at{index}": np.array([index], np.int64) for index in range(4)}
    held["heads"] = np.array([1, 5, 3, 2, 4], np.int64)
    held["flat"] = np.array([1, 5, 8], np.int64)
    held["weights"] = normal(6, 24)
    inputs, outputs = {"x": ((1, 5, 6), float_type)}, {"y": ((1, 8), float_type)}
    return model(nodes, inputs, outputs, opset=18, **held)

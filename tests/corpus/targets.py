"""Converts small ONNX models and compares with ONNX Runtime: ``python targets.py FRAMEWORK JOB``.

Runs in the environment ``base``; prints one JSON object with a result a model and edge:
``{"excess": x}``, the error in multiples of ten float32 roundings of the output's scale, or
``{"error": code, "operators": [...]}``.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import sequences
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "converters"))

from modelport_sdk import Context, PluginError  # not installed in `base`

DRAW = np.random.default_rng(3)
EDGES = {
    "ncnn": (("from_onnx", "onnx_to_ncnn"), ("from_onnx_rewritten", "onnx_to_ncnn_rewritten")),
    "mnn": (("from_onnx", "onnx_to_mnn"),),
    "openvino": (("from_onnx", "onnx_to_openvino"),),
}
MAIN = {"ncnn": ".param", "mnn": ".mnn", "openvino": ".xml"}
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def node(kind, inputs, outputs, **given):
    return helper.make_node(kind, inputs.split(), outputs.split(), **given)


def model(nodes, inputs, outputs, opset=13, **held):
    """Build a model; inputs and outputs are ``{name: (shape, type)}``."""
    values = [
        [helper.make_tensor_value_info(name, kind, shape) for name, (shape, kind) in ports.items()]
        for ports in (inputs, outputs)
    ]
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "small", *values, weights)
    domains = {n.domain for n in nodes}
    imports = [helper.make_opsetid(name, opset if not name else 1) for name in {"", *domains}]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def normal(*shape):
    return DRAW.standard_normal(shape).astype(np.float32)


def image(nodes, shape, opset=13, **held):
    """Build a model around a convolution ``x`` (1, 4, 6, 5) -> ``c`` (1, 3, 6, 5)."""
    conv = node("Conv", "x kernel bias", "c", pads=[1, 1, 1, 1])
    held.update(kernel=normal(3, 4, 3, 3), bias=normal(3))
    ports = {"x": ((1, 4, 6, 5), FLOAT)}, {"y": (shape, FLOAT)}
    return model([conv, *nodes], *ports, opset=opset, **held)


def branch():
    """An If whose condition depends on the input."""
    small = helper.make_graph([node("Neg", "m", "a")], "a", [], [])
    large = helper.make_graph([node("Mul", "m m", "b")], "b", [], [])
    for body, name in ((small, "a"), (large, "b")):
        body.output.append(helper.make_tensor_value_info(name, FLOAT, (1, 3)))
    nodes = [
        node("ReduceMean", "c", "m", axes=[2, 3], keepdims=0),
        node("ReduceMax", "m", "top", axes=[0, 1], keepdims=0),
        node("Greater", "top limit", "is_large"),
        node("If", "is_large", "y", then_branch=small, else_branch=large),
    ]
    return image(nodes, (1, 3), limit=np.float32(0.1))


def sequence():
    """An output that is no tensor."""
    made = model(
        [node("SequenceConstruct", "x x", "y")], {"x": ((1, 4), FLOAT)}, {"y": ((1, 4), FLOAT)}
    )
    kind = made.graph.output[0].type
    kind.CopyFrom(helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, (1, 4))))
    return made


def models():
    axis = np.array([2], np.int64)
    edges = np.array([0, 0, 2, 0, 0, 0, 1, 0], np.int64)
    choice = [
        node("Relu", "c", "r"),
        node("Div", "c r", "q"),
        node("Equal", "r zero", "none"),
        node("Where", "none zero q", "y"),
    ]
    pool = node("AveragePool", "c", "y", kernel_shape=[3, 3], pads=[0, 0, 1, 2], strides=[2, 1])
    hot = [
        node("Unsqueeze", "ids last", "u"),
        node("Equal", "u range", "e"),
        node("Cast", "e", "f", to=FLOAT),
        node("MatMul", "f table", "y"),
    ]
    ids = {"ids": ((1, 6), INT64)}, {"y": ((1, 6, 3), FLOAT)}
    held = {"range": np.arange(8), "last": np.array([-1]), "table": normal(8, 3)}
    best = {"x": ((1, 4), FLOAT)}, {"y": ((1,), INT64)}
    plain = {"x": ((1, 4, 4), FLOAT)}, {"y": ((1,), FLOAT)}
    scalar = {"x": ((1, 4), FLOAT), "s": ((), FLOAT)}, {"y": ((1, 4), FLOAT)}
    unread = {"x": ((1, 4), FLOAT), "s": ((1, 3), FLOAT)}, {"y": ((1, 4), FLOAT)}
    compared = {"x": ((3, 4, 5), FLOAT), "s": ((3, 4, 5), FLOAT)}, {"y": ((3, 4, 5), FLOAT)}
    two = [
        node("IsNaN", "x", "a"),
        node("Cast", "a", "b", to=FLOAT),
        node("IsInf", "b", "c"),
        node("Cast", "c", "y", to=FLOAT),
    ]
    unsigned = {"x": ((1, 4), TensorProto.UINT16)}, {"y": ((1, 4), FLOAT)}
    return {
        "convolution": image([node("Relu", "c", "y")], (1, 3, 6, 5)),
        "softmax_9": image([node("Softmax", "c", "y")], (1, 3, 6, 5), opset=9),
        "reduce_sum": image([node("ReduceSum", "c axis", "y", keepdims=0)], (1, 3, 5), axis=axis),
        "reduce_max": image([node("ReduceMax", "c", "y", axes=[2, 3], keepdims=0)], (1, 3)),
        "pad": image([node("Pad", "c edges", "y")], (1, 3, 9, 5), edges=edges),
        "average_pool": image([pool], (1, 3, 2, 5)),
        "choice": image(choice, (1, 3, 6, 5), zero=np.float32(0)),
        "branch": branch(),
        "one_hot": model(hot, *ids, **held),
        "arg_max": model([node("ArgMax", "x", "y", axis=1, keepdims=0)], *best),
        "scalar": model([node("Add", "x s", "y")], *scalar),
        "less": model([node("Less", "x s", "b"), node("Cast", "b", "y", to=FLOAT)], *compared),
        "less_equal": model(
            [node("LessOrEqual", "x s", "b"), node("Cast", "b", "y", to=FLOAT)], *compared
        ),
        "round": halves(),
        "softmax_across": across(13),
        "softmax_across_18": across(18),
        "sequence": sequence(),
        "unread": model([node("CastLike", "x s", "y")], *unread, opset=15),
        "unsigned": model([node("Cast", "x", "y", to=FLOAT)], *unsigned),
        "determinant": model([node("Det", "x", "y")], *plain),
        "shape": model([node("Shape", "x", "y")], {"x": ((3, 4), FLOAT)}, {"y": ((2,), INT64)}),
        "two": model(two, *plain),
        "preview": model([node("Foo", "x", "y", domain="ai.onnx.preview.training")], *plain),
        "custom": model([node("Foo", "x", "y", domain="my.own")], *plain),
        **sequences.models(model, node, normal, FLOAT),
    }


def across(opset):
    """Softmax over channels, far from nought."""
    nodes = [node("Add", "c far", "d"), node("Softmax", "d", "y", axis=1)]
    return image(nodes, (1, 3, 6, 5), opset=opset, far=np.float32(100))


def halves():
    """Round where every other number lies halfway between two integers."""
    nodes = [
        node("Mul", "x four", "a"),
        node("Floor", "a", "b"),
        node("Mul", "b half", "c"),
        node("Round", "c", "y"),
    ]
    ports = {"x": ((6, 7), FLOAT)}, {"y": ((6, 7), FLOAT)}
    return model(nodes, *ports, four=np.float32(4), half=np.float32(0.5))


def feeds_for(proto):
    feeds = {}
    for value in proto.graph.input:
        shape = [size.dim_value for size in value.type.tensor_type.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        whole = dtype.kind in "iu"
        feeds[value.name] = DRAW.integers(0, 8, shape, dtype) if whole else normal(*shape)
    return feeds


def excess(path, job, edge, package):
    """Return how far the converted model is from ONNX Runtime's outputs."""
    import onnxruntime

    proto = onnx.load(path)
    feeds = feeds_for(proto)
    for folder in ("out", "tmp"):
        (job / folder).mkdir(parents=True)
    ctx = Context(job, {"name": "模型"})
    edge.convert(path, job / "out", edge.options(), ctx)
    want = onnxruntime.InferenceSession(path).run(None, feeds)
    io = {"inputs": ctx.inputs, "outputs": ctx.outputs}
    main = next(p for p in (job / "out").iterdir() if p.name.endswith(MAIN[package]))
    runtime = importlib.import_module(f"modelport_plugins.{package}.runtime").load
    session = runtime.load(main, "plain", Context(job, {"io": io}))
    named = {port["source"]: port["target"] for port in (*ctx.inputs, *ctx.outputs)}
    targets = {name: named.get(name, name) for name in feeds}
    got = session({target: feeds[name] for name, target in targets.items() if target})
    worst = 0.0
    for value, reference in zip(proto.graph.output, want, strict=True):
        result = got[named.get(value.name, value.name)]
        if result.shape != reference.shape or result.dtype != reference.dtype:
            return {"shape": list(result.shape), "dtype": str(result.dtype)}
        scale = 10 * 8 * 2.0**-23 * max(float(np.abs(reference).max()), 1e-30)
        worst = max(worst, float(np.abs(result - reference).max()) / scale)
    return {"excess": worst}


def main(package, folder):
    results = {}
    for name, proto in models().items():
        path = folder / f"{name}.onnx"
        onnx.save(proto, path)
        for module, attribute in EDGES[package]:
            edge = getattr(
                importlib.import_module(f"modelport_plugins.{package}.{module}"), attribute
            )
            key = f"{name} {edge.variant}".strip()
            try:
                results[key] = excess(path, folder / key.replace(" ", "-"), edge, package)
            except PluginError as exc:
                results[key] = {"error": exc.code, "operators": sorted(exc.operators)}
    return results


if __name__ == "__main__":
    # Tools print to file descriptor 1 as they like; the answer goes to a file.
    where = Path(sys.argv[2])
    answer = main(sys.argv[1], where)
    (where / "answer.json").write_text(json.dumps(answer), "utf-8")

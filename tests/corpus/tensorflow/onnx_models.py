"""Writes small ONNX models and what ONNX Runtime gives for them: ``python onnx_models.py FOLDER``.

Runs in the environment ``base``: ``NAME.onnx`` and, where it runs, ``NAME.npz`` with inputs and
outputs by name. Shapes are alike in all axes where a layout could be mistaken for another.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

DRAW = np.random.default_rng(9)
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def normal(*shape):
    return DRAW.standard_normal(shape).astype(np.float32)


def node(kind, inputs, outputs, **given):
    return helper.make_node(kind, inputs.split(), outputs.split(), **given)


def model(nodes, inputs, outputs, opset=17, **held):
    """Build a model; inputs and outputs are ``{name: (shape, type)}``."""
    values = [
        [helper.make_tensor_value_info(name, kind, shape) for name, (shape, kind) in ports.items()]
        for ports in (inputs, outputs)
    ]
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "small", *values, weights)
    imports = [
        helper.make_opsetid(name, opset if not name else 1)
        for name in {n.domain for n in nodes} | {""}
    ]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def cube():
    """A convolution over (1, 3, 3, 3): no axis can be told from another by its size."""
    conv = node("Conv", "x kernel bias", "y", pads=[1, 1, 1, 1])
    held = {"kernel": normal(3, 3, 3, 3), "bias": normal(3)}
    return model([conv], {"x": ((1, 3, 3, 3), FLOAT)}, {"y": ((1, 3, 3, 3), FLOAT)}, **held)


def volume():
    conv = node("Conv", "x kernel", "y", pads=[1] * 6)
    ports = {"x": ((1, 2, 4, 4, 4), FLOAT)}, {"y": ((1, 4, 4, 4, 4), FLOAT)}
    return model([conv], *ports, kernel=normal(4, 2, 3, 3, 3))


def sequence():
    """Three axes of one size, two outputs: before and behind a convolution."""
    nodes = [node("Tanh", "x", "t"), node("Conv", "t kernel", "y", pads=[1, 1])]
    ports = {"x": ((1, 5, 5), FLOAT)}, {"t": ((1, 5, 5), FLOAT), "y": ((1, 5, 5), FLOAT)}
    return model(nodes, *ports, kernel=normal(5, 5, 3))


def strange_names():
    """Names that onnx2tf rewrites, and then forgets what it was told of them."""
    conv = node("Conv", "onnx::Conv_0 kernel", "a/b:0", pads=[1, 1, 1, 1])
    ports = {"onnx::Conv_0": ((1, 4, 4, 4), FLOAT)}, {"a/b:0": ((1, 4, 4, 4), FLOAT)}
    return model([conv], *ports, kernel=normal(4, 4, 3, 3))


def softmax_9():
    nodes = [node("Conv", "x kernel", "c"), node("Softmax", "c", "y")]
    ports = {"x": ((1, 4, 6, 5), FLOAT)}, {"y": ((1, 3, 6, 5), FLOAT)}
    return model(nodes, *ports, opset=9, kernel=normal(3, 4, 1, 1))


def false_shape():
    """The file says that y has one element; it has four."""
    return model(
        [node("MatMul", "x w", "y")], {"x": ((4, 8), FLOAT)}, {"y": ((1, 1), FLOAT)}, w=normal(8, 1)
    )


def lstm():
    nodes = [node("LSTM", "x w r b", "y", hidden_size=6)]
    ports = {"x": ((7, 1, 5), FLOAT)}, {"y": ((7, 1, 1, 6), FLOAT)}
    return model(nodes, *ports, w=normal(1, 24, 5), r=normal(1, 24, 6), b=normal(1, 48))


def idle():
    """An input on which nothing depends."""
    ports = {"x": ((1, 4), FLOAT), "rate": ((1,), INT64)}, {"y": ((1, 4), FLOAT)}
    return model([node("Tanh", "x", "y")], *ports)


def stranger(kind, domain):
    made = node(kind, "x", "y")
    made.domain = domain
    return model([made], {"x": ((1, 4), FLOAT)}, {"y": ((1, 4), FLOAT)})


def open_shape():
    return model([node("Tanh", "x", "y")], {"x": (("n", "m"), FLOAT)}, {"y": (("n", "m"), FLOAT)})


def several():
    made = model(
        [node("SequenceConstruct", "x x", "y")], {"x": ((1, 4), FLOAT)}, {"y": ((1, 4), FLOAT)}
    )
    made.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("y", FLOAT, (1, 4)))
    return made


MODELS = {
    "cube": cube,
    "volume": volume,
    "sequence": sequence,
    "strange_names": strange_names,
    "softmax_9": softmax_9,
    "false_shape": false_shape,
    "lstm": lstm,
    "idle": idle,
    "stranger": lambda: stranger("Mystery", "acme"),
    "open_shape": open_shape,
    "several": several,
}


def main(folder):
    for name, build in MODELS.items():
        made = build()
        path = folder / f"{name}.onnx"
        onnx.save(made, str(path))
        try:
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception:  # noqa: BLE001  # a stranger's operator, on purpose
            continue
        ports = session.get_inputs()
        if not all(isinstance(size, int) for port in ports for size in port.shape):
            continue
        feeds = {
            p.name: normal(*p.shape) if "float" in p.type else np.ones(p.shape, np.int64)
            for p in ports
        }
        wanted = dict(
            zip((p.name for p in session.get_outputs()), session.run(None, feeds), strict=True)
        )
        if all(isinstance(one, np.ndarray) for one in wanted.values()):
            arrays = {f"in {k}": v for k, v in feeds.items()} | {
                f"out {k}": v for k, v in wanted.items()
            }
            named = {str(index): array for index, array in enumerate(arrays.values())}
            np.savez(folder / f"{name}.npz", names=list(arrays), **named)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

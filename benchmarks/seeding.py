"""Puts random weights in place of constant ones: ``python seeding.py SOURCE TARGET``.

The small copies of well-known networks that the package onnx carries make their weights
with ConstantOfShape; a network whose weights are all equal says nothing about a conversion.
Runs in the environment ``base``.
"""

import sys

import numpy as np
import onnx
from onnx import numpy_helper

LAYERS = {"Gemm", "MatMul", "Conv"}
CALM = 4.0
"""Standard deviation of the logits up to which a Softmax still tells its inputs apart."""


def seeded(model):
    """Return ``model`` with a random initialiser for every ConstantOfShape of constant shape."""
    draw = np.random.default_rng(0)
    graph = model.graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    kept = []
    for node in graph.node:
        shape = constants.get(node.input[0]) if node.op_type == "ConstantOfShape" else None
        if shape is None:
            kept.append(node)
            continue
        size = tuple(int(n) for n in shape)
        # He et al. 2015, eq. 10, so that the signal neither dies nor explodes; scales of
        # normalisation (rank 1) lie around 1, or variances would be negative.
        fan_in = int(np.prod(size[1:])) if len(size) > 1 else 1
        values = (
            draw.normal(0, np.sqrt(2 / fan_in), size)
            if len(size) > 1
            else draw.uniform(0.5, 1.5, size)
        )
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)
    return model


def calmed(model):
    """Scale the last weights before a Softmax down where it would give one class everything.

    Through fifty layers without the statistics of a training the signal grows by 10**4; a
    saturated Softmax answers every input alike, and nothing could be seen of a conversion.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [n for n in model.graph.node if n.op_type == "Softmax"]:
        spread = _spread(model, node.input[0])
        name = node.input[0]
        while name in makers and makers[name].op_type not in LAYERS:
            name = makers[name].input[0]
        if spread <= CALM or name not in makers:
            continue
        for held in makers[name].input[1:]:
            array = numpy_helper.to_array(weights[held]) * np.float32(CALM / spread)
            weights[held].CopyFrom(numpy_helper.from_array(array, held))
    return model


def _spread(model, name):
    """Return the standard deviation of a tensor on normal inputs."""
    import onnxruntime

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(probe.SerializeToString(), options)
    draw = np.random.default_rng(1)
    feeds = {i.name: draw.normal(0, 1, i.shape).astype(np.float32) for i in session.get_inputs()}
    return float(session.run(None, feeds)[0].std())


if __name__ == "__main__":
    onnx.save(calmed(seeded(onnx.load(sys.argv[1]))), sys.argv[2])

"""Puts random weights in place of constant ones: ``python seeding.py SOURCE TARGET``.

The small copies of well-known networks that the package onnx carries make their weights
with ConstantOfShape; a network whose weights are all equal says nothing about a conversion.
Runs in the environment ``base``.
"""

import sys

import numpy as np
import onnx
from onnx import numpy_helper


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


if __name__ == "__main__":
    onnx.save(seeded(onnx.load(sys.argv[1])), sys.argv[2])

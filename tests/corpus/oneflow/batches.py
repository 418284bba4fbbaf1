"""Gives a model one sample and three: ``python batches.py MODEL.onnx IO.npz``.

Runs in the environment ``base``. IO.npz holds what OneFlow's own graph, compiled for a batch of
two, took and gave. Prints the largest error, relative to the output's scale.
"""

import sys

import numpy as np
import onnxruntime

with np.load(sys.argv[2]) as archive:
    x, y = archive["x0"], archive["y0"]
session = onnxruntime.InferenceSession(sys.argv[1])
worst = 0.0
for pick in ([0], [1], [0, 1, 0]):
    (got,) = session.run(None, {"input_0": x[pick]})
    assert got.shape == y[pick].shape, got.shape
    worst = max(worst, float(np.abs(got - y[pick]).max() / np.abs(y).max()))
print(worst)

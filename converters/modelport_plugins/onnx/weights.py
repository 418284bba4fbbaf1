"""Lists the weights of an ONNX model, for the check that every one arrived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelport_onnx import graph as graphs
from modelport_onnx import weights as shelf
from modelport_sdk import Context, weights


@weights(format="onnx")
def onnx_weights(model: Path, ctx: Context) -> Iterator[tuple[str, Any]]:
    """Yield ``(name, array)`` of what convolutions, matrix products and RNNs multiply by.

    Biases are left out: folding a BatchNorm changes them beyond recognition.
    """
    for weight in shelf.weights(graphs.load(model)):
        if not weight.bias:
            yield weight.name, shelf.array(weight.tensor)

"""Writes a graph the way every converter expects it; computes the same, bit by bit.

Initialisers leave the inputs (pnnx takes them for inputs), nodes are sorted, the default
axis of Softmax is written out (MNN takes the wrong one), conditions get rank 0 (OpenVINO
refuses rank 2), operators without effect go, the IR version is lowered.
"""

from __future__ import annotations

from pathlib import Path

from modelport_plugins.onnx import output, steps
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, NoOptions, converter


@converter(
    source="onnx",
    target="onnx",
    variant="normalise",
    role="repair",
    cost=0.2,
    title="Writes the graph the way every converter expects it",
)
def normalise(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    """Apply every rewrite that changes no number."""
    before = read(source, weights=False)
    model = steps.apply(read(source), steps.NORMALISE, ctx)
    output.write(model, before, out, ctx)

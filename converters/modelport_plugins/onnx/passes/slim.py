"""Folds constants and merges operators with onnxslim, in pure Python.

Source: onnxslim 0.1.98 (MIT), ``onnxslim.slim``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_plugins.onnx import output
from modelport_sdk import Context, converter, option

CODE = """
import sys, json, onnx, onnxslim
source, target, settings = sys.argv[1:]
model = onnxslim.slim(onnx.load(source), **json.loads(settings))
big = sum(len(t.raw_data) for t in model.graph.initializer) > 1_500_000_000
onnx.save(model, target, save_as_external_data=big)
"""


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    fuse: bool = option(True, "Merge patterns, e.g. a MatMul with its Add.")
    fold: bool = option(True, "Compute what depends on constants only.")


@converter(
    source="onnx",
    target="onnx",
    variant="slim",
    role="repair",
    cost=0.8,
    options=Options,
    title="Folds constants and merges operators with onnxslim",
    homepage="https://github.com/inisis/OnnxSlim",
)
def slim(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Slim; open dimensions stay open."""
    import json

    settings = {"no_shape_infer": False}
    if not options.fold:
        settings["no_constant_folding"] = True
    if not options.fuse:
        settings["skip_fusion_patterns"] = True
    written = ctx.scratch / "slimmed.onnx"
    output.run_python(CODE, ctx, source, written, json.dumps(settings), tool="onnxslim")
    output.collect("onnxslim", written, source, out, ctx)

"""Folds constants, infers shapes and fuses operators with onnxsim.

Source: onnxsim 0.8.1 (Apache-2.0), ``onnxsim.simplify``. It raises on some valid graphs and
crashes on others (an If that it folds), so it runs in an interpreter of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_plugins.onnx import output
from modelport_sdk import Context, converter, option

CODE = """
import sys, json, onnx, onnxsim
source, target, threshold, settings = sys.argv[1:]
model, _ = onnxsim.simplify(source, tensor_size_threshold=threshold, **json.loads(settings))
big = sum(len(t.raw_data) for t in model.graph.initializer) > 1_500_000_000
onnx.save(model, target, save_as_external_data=big)
"""


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    fuse: bool = option(True, "Fuse operators, e.g. a BatchNorm into its convolution.")
    fold: bool = option(True, "Compute what depends on constants only.")
    largest: str = option("1.5GB", "Constants that would grow beyond this are not folded.")


@converter(
    source="onnx",
    target="onnx",
    variant="simplify",
    role="repair",
    cost=0.6,
    options=Options,
    title="Folds constants and fuses operators with onnxsim",
    homepage="https://github.com/onnxsim/onnxsim",
)
def simplify(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Simplify; open dimensions stay open."""
    import json

    settings = {
        "perform_optimization": options.fuse,
        "skip_constant_folding": not options.fold,
    }
    written = ctx.scratch / "simplified.onnx"
    output.run_python(
        CODE, ctx, source, written, options.largest, json.dumps(settings), tool="onnxsim"
    )
    output.collect("onnxsim", written, source, out, ctx)

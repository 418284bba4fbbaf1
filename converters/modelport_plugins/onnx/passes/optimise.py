"""Eliminates and fuses operators with onnxoptimizer.

Source: onnxoptimizer 0.4.2 (Apache-2.0). It serialises the model in one piece, so files
with more than 2 GB of weights are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_onnx import graph as graphs
from modelport_plugins.onnx import output
from modelport_sdk import BadOption, Context, UnsupportedFeature, converter, option

CODE = """
import sys, onnx, onnxoptimizer
source, target, *passes = sys.argv[1:]
passes = passes or onnxoptimizer.get_fuse_and_elimination_passes()
onnx.save(onnxoptimizer.optimize(onnx.load(source), passes, fixed_point=True), target)
"""


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    passes: tuple[str, ...] = option(
        (), "Names of onnxoptimizer's passes; none means all that eliminate or fuse."
    )


@converter(
    source="onnx",
    target="onnx",
    variant="optimise",
    role="pass",
    options=Options,
    title="Eliminates and fuses operators with onnxoptimizer",
    homepage="https://github.com/onnx/optimizer",
)
def optimise(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Optimise with the passes asked for, until nothing changes."""
    import onnxoptimizer

    known = onnxoptimizer.get_available_passes()
    unknown = [name for name in options.passes if name not in known]
    if unknown:
        raise BadOption(
            f"onnxoptimizer has no pass {unknown[0]!r}", hint=f"Choose from: {', '.join(known)}."
        )
    if output.total_size(graphs.load(source, weights=False)) >= output.PROTOBUF_LIMIT:
        raise UnsupportedFeature(
            "onnxoptimizer takes models below 2 GiB only", hint="Use the pass slim or simplify."
        )
    written = ctx.scratch / "optimised.onnx"
    output.run_python(CODE, ctx, source, written, *options.passes, tool="onnxoptimizer")
    output.collect("onnxoptimizer", written, source, out, ctx)

"""The strongest repair: specialised, then written with operators that small runtimes have.

ReduceMax and ReduceMin become a pooling, an LSTM of one step becomes matrix products, an If
becomes both of its branches and a selection, and quantised operators become those they were
made of. NCNN has none of the former.
"""

from __future__ import annotations

from pathlib import Path

from modelport_onnx import decompose as shelf
from modelport_onnx import fold
from modelport_onnx.dequantise import dequantise
from modelport_plugins.onnx import output
from modelport_plugins.onnx.passes.specialise import Options, specialised
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, UnsupportedFeature, converter


@converter(
    source="onnx",
    target="onnx",
    variant="decompose",
    role="repair",
    cost=0.4,
    options=Options,
    title="Writes a specialised graph with operators that small runtimes have",
)
def decompose(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Specialise for ``ctx.shapes`` and decompose.

    Raises:
        UnsupportedFeature: The operator set is too old, or nothing is there to decompose.
    """
    before = read(source, weights=False)
    model = read(source)
    plain = dequantise(model)
    model = specialised(model, options, ctx)
    if not shelf.supported(model):
        raise UnsupportedFeature("the operator set is older than 13 and cannot be raised")
    count = plain + shelf.decompose(model)
    if not count:
        raise UnsupportedFeature("this model has no operator to decompose")
    fold.fold(model)
    if plain:
        ctx.note(f"{plain} quantised operators written in floating point")
    ctx.note(f"{count} operators written with simpler ones")
    gone = [entry["source"] for entry in ctx.inputs if entry["target"] is None]
    output.write(model, before, out, ctx, gone=gone)
    output.check_loads(output.path(out, ctx), "decompose")

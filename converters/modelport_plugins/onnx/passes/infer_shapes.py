"""Writes the shape of every inner tensor into the file, with ONNX's own inference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_onnx import graph as graphs
from modelport_plugins.onnx import output
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, CorruptModel, converter, mapped, option


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    strict: bool = option(False, "Refuse the model where a shape contradicts an operator.")
    values: bool = option(True, "Follow the values of small integer tensors, e.g. of Shape.")


@converter(
    source="onnx",
    target="onnx",
    variant="infer-shapes",
    role="pass",
    options=Options,
    title="Writes the shapes of inner tensors into the file",
    homepage="https://onnx.ai/onnx/api/shape_inference.html",
)
def infer_shapes(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Infer; weights outside of the file are not needed for it, and copied as they are."""
    import onnx

    model = read(source, weights=False)
    inside = graphs.weight_bytes(model) < graphs.EXTERNAL_LIMIT
    with mapped({onnx.shape_inference.InferenceError: CorruptModel}):
        if inside:
            done = onnx.shape_inference.infer_shapes(
                model, strict_mode=options.strict, data_prop=options.values
            )
        else:
            written = str(ctx.scratch / "inferred.onnx")
            onnx.shape_inference.infer_shapes_path(
                str(source), written, strict_mode=options.strict, data_prop=options.values
            )
            done = onnx.load(written, load_external_data=False)
    ctx.note(f"{len(done.graph.value_info)} inner tensors have a known type")
    onnx.load_external_data_for_model(done, str(source.parent))
    output.write(done, model, out, ctx)

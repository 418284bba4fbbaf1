"""ONNX to ONNX Runtime's own format, by saving a session.

Source: onnxruntime, docs/performance/model-optimizations/ort-format-models. The session
option does in a second what the module ``convert_onnx_models_to_ort`` does in ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_onnx import graph as graphs
from modelport_plugins.onnx import output, session
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, UnsupportedFeature, converter, option

LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    optimise: str = option(
        "extended",
        "Optimisations that are written into the file; all of them tie it to this CPU.",
        choices=tuple(LEVELS),
    )


@converter(
    source="onnx",
    target="ort",
    options=Options,
    title="Writes ONNX Runtime's own format",
    homepage="https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html",
)
def onnx_to_ort(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert.

    Raises:
        UnsupportedOperator: ONNX Runtime has no kernel for one.
        UnsupportedFeature: It has more than 2 GB of weights (a flatbuffer's limit), or
            ONNX Runtime refuses it.
    """
    import onnxruntime

    model = read(source, weights=False)
    if output.total_size(model) >= output.PROTOBUF_LIMIT:
        raise UnsupportedFeature("an .ort file ends at 2 GiB", hint="Store it as onnx.fp16 first.")
    target = out / f"{ctx.name}.ort"
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = getattr(
        onnxruntime.GraphOptimizationLevel, LEVELS[options.optimise]
    )
    settings.intra_op_num_threads = ctx.threads
    settings.log_severity_level = session.ERROR
    settings.optimized_model_filepath = str(target)
    settings.add_session_config_entry("session.save_model_format", "ORT")
    try:
        onnxruntime.InferenceSession(str(source), settings, providers=["CPUExecutionProvider"])
    except Exception as exc:  # a class of the runtime's own, with no common base
        raise session.refusal(exc, str(source.parent), graphs.operator_counts(model)) from exc

"""ONNX to OpenVINO with the frontend that OpenVINO ships.

Source: openvinotoolkit/openvino 2026.4 (Apache-2.0), ``openvino.convert_model``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_plugins.openvino.library import library
from modelport_plugins.openvino.refusal import refusal
from modelport_plugins.openvino.writing import write
from modelport_sdk import Context, CorruptModel, UnsupportedFeature, converter, mapped, option

HOME = "https://github.com/openvinotoolkit/openvino"


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    fp16: bool = option(False, "Store weights as float16: half the size, about 3 digits.")


@converter(source="onnx", target="openvino", options=Options, homepage=HOME)
def onnx_to_openvino(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert ONNX to OpenVINO with OpenVINO's own frontend; open sizes stay open.

    Raises:
        CorruptModel: The file is no ONNX model, or its external data is missing.
        UnsupportedOperator: OpenVINO has no rule for an operator.
        UnsupportedFeature: It has one, but not for this use; or an input or output is no tensor.
    """
    import onnx
    from google.protobuf.message import DecodeError

    from modelport_onnx import graph, signature

    with mapped({DecodeError: CorruptModel, onnx.checker.ValidationError: CorruptModel}):
        description = graph.load(source, weights=False)
    if port := signature.non_tensor(description):
        raise UnsupportedFeature(
            f"{port}, and openvino has tensors only",
            hint="Replace it by tensors before the export, or choose another target.",
        )
    ctx.progress("convert", 0.1)
    try:
        model = library().convert_model(str(source))
    except Exception as exc:  # its classes are made in C++ and share no base of their own
        raise refusal(exc, graph.operator_counts(description)) from exc
    ctx.progress("write", 0.7)
    inputs = [value.name for value in graph.graph_inputs(description)]
    outputs = [value.name for value in description.graph.output]
    write(model, out, ctx, inputs=inputs, outputs=outputs, fp16=options.fp16)

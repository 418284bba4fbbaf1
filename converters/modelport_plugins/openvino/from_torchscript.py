"""TorchScript to OpenVINO with the frontend that OpenVINO ships.

Source: openvinotoolkit/openvino 2026.4 (Apache-2.0), ``openvino.convert_model``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.openvino.from_onnx import HOME, Options
from modelport_plugins.openvino.library import library
from modelport_plugins.openvino.refusal import refusal
from modelport_plugins.openvino.script import example_inputs, load_script, outputs_by_name
from modelport_plugins.openvino.writing import write
from modelport_sdk import Context, converter


@converter(source="torchscript", target="openvino", options=Options, homepage=HOME)
def torchscript_to_openvino(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert TorchScript to OpenVINO with OpenVINO's own frontend.

    Raises:
        CorruptModel: The file is no TorchScript module.
        DynamicShapeRequired: The shape of an input is not known.
        UnsupportedOperator: OpenVINO has no rule for an operator.
        UnsupportedFeature: It has one, but not for this use.
    """
    import torch

    torch.set_num_threads(ctx.threads)
    module = load_script(source)
    feeds = example_inputs(module, ctx)
    outputs = list(outputs_by_name(module, feeds))
    ctx.progress("convert", 0.3)
    try:
        model = library().convert_model(
            module, input=_open_ports(feeds), example_input=tuple(feeds.values())
        )
    except Exception as exc:  # its classes are made in C++ and share no base of their own
        raise refusal(exc, _operator_counts(module)) from exc
    ctx.progress("write", 0.7)
    write(model, out, ctx, inputs=list(feeds), outputs=outputs, fp16=options.fp16)


def _open_ports(feeds: Mapping[str, Any]) -> list[Any]:
    """Return rank and type of each input; a scripted module tells neither."""
    openvino = library()
    types = {
        "float32": openvino.Type.f32,
        "int64": openvino.Type.i64,
        "bool": openvino.Type.boolean,
    }
    return [
        (openvino.PartialShape([-1] * tensor.dim()), types[str(tensor.dtype).partition(".")[2]])
        for tensor in feeds.values()
    ]


def _operator_counts(module: Any) -> dict[str, int]:
    counts: Counter[str] = Counter()
    pending = [module.inlined_graph]
    while pending:
        for node in pending.pop().nodes():
            pending.extend(node.blocks())
            counts[node.kind()] += 1
    return dict(counts)

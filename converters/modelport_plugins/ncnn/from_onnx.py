"""ONNX to NCNN with pnnx.

Source: Tencent/ncnn, ``tools/pnnx`` 20261020 (BSD-3-Clause).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_plugins.ncnn import preparation
from modelport_plugins.ncnn.delivery import deliver
from modelport_plugins.ncnn.tool import pnnx
from modelport_sdk import Context, converter, option

HOME = "https://github.com/Tencent/ncnn/tree/master/tools/pnnx"


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    fp16: bool = option(False, "Store weights as float16: half the size, about 3 digits.")


@converter(source="onnx", target="ncnn", options=Options, homepage=HOME)
def onnx_to_ncnn(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert ONNX to NCNN with pnnx; the result takes the one shape it was made for.

    Raises:
        CorruptModel: The file is no ONNX model.
        DynamicShapeRequired: The size of an input is open and not given.
        UnsupportedOperator: NCNN has no counterpart for an operator.
        UnsupportedFeature: pnnx crashed, or ncnn does not load the result.
    """
    from modelport_onnx import graph

    model = preparation.load(source)
    preparation.clean(model, ctx)
    inputs = preparation.input_ports(model, ctx)
    ctx.progress("convert", 0.1)
    written = pnnx(
        preparation.stored(model, ctx, "pnnx"),
        preparation.as_arguments(inputs),
        ctx,
        fp16=options.fp16,
        counts=graph.operator_counts(model),
    )
    outputs = preparation.output_ports(model)
    deliver(written, out, ctx, inputs=inputs, outputs=outputs, fp16=options.fp16)

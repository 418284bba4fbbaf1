"""ONNX to NCNN with pnnx, the graph first put into operators and forms that both have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_plugins.ncnn import (
    attention,
    branches,
    forms,
    masks,
    preparation,
    reduction,
    scope,
    sequence,
)
from modelport_plugins.ncnn.delivery import deliver
from modelport_plugins.ncnn.from_onnx import HOME, Options
from modelport_plugins.ncnn.tool import pnnx
from modelport_sdk import Context, converter

# The first in which Pad, Clip and Squeeze have the form that pnnx knows best.
OPSET = 13
PARTS = (masks, forms, reduction, sequence, attention)
"""The rules; where two are for one operator, the later one knows the former."""


@converter(
    source="onnx", target="ncnn", variant="rewritten", cost=1.5, options=Options, homepage=HOME
)
def onnx_to_ncnn_rewritten(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert ONNX to NCNN with pnnx after rewriting what NCNN has no operator for.

    Raises:
        CorruptModel: The file is no ONNX model.
        DynamicShapeRequired: The size of an input is open and not given.
        UnsupportedOperator: NCNN has no counterpart for an operator.
        UnsupportedFeature: pnnx crashed, or ncnn does not load the result.
    """
    from modelport_onnx import graph

    model = preparation.load(source)
    counts = graph.operator_counts(model)
    preparation.clean(model, ctx)
    inputs = preparation.input_ports(model, ctx)
    model = rewritten(model, {port.name: port.shape or () for port in inputs}, ctx)
    fed = preparation.input_ports(model, ctx)
    ctx.progress("convert", 0.2)
    written = pnnx(
        preparation.stored(model, ctx, "rewritten"),
        preparation.as_arguments(fed),
        ctx,
        fp16=options.fp16,
        counts=counts,
    )
    outputs = preparation.output_ports(model)
    deliver(written, out, ctx, inputs=fed, outputs=outputs, fp16=options.fp16)


def rewritten(model: Any, shapes: dict[str, tuple[int, ...]], ctx: Context) -> Any:
    """Fix shapes, fold, and lower ``model``; say in notes what was done."""
    from modelport_onnx import fold, graph, rewrite, shape
    from modelport_onnx.dequantise import dequantise

    plain = dequantise(model)
    if plain:
        ctx.note(f"{plain} quantised operators written in floating point.")
    graph.sort(model.graph)
    shape.fix(model, shapes)
    fold.fold(model)
    inlined = branches.inline(model)
    if inlined:
        ctx.note(f"{inlined} If computed on both sides, with a choice behind.")
        fold.fold(model)
    model = _raised(model)
    shape.infer(model)
    done = scope.apply(model, {name: rule for part in PARTS for name, rule in part.RULES.items()})
    if done:
        listed = ", ".join(f"{count} {name}" for name, count in sorted(done.items()))
        ctx.note(f"Rewritten for NCNN: {listed}.")
    for name in branches.float_inputs(model):
        ctx.note(f"Input {name} takes its integers as float32 numbers.")
    rewrite.remove_no_ops(model)
    shape.infer(model)
    return model


def _raised(model: Any) -> Any:
    """Return ``model`` in the operator set that the rules write, where that can be had.

    Those that stay behind lose the rules for padding, and nothing else.
    """
    from modelport_onnx import graph, rewrite

    if graph.opset(model) >= OPSET:
        return model
    try:
        return rewrite.raise_opset(model, OPSET)
    except (ValueError, RuntimeError):
        return model

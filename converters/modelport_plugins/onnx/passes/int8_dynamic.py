"""Stores weights as 8-bit integers; activations are quantised while the model runs.

Unsigned weights are the default: on CPUs without VNNI they were 4 to 29 times closer to
the source than signed ones, for which two products saturate a 16-bit sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_onnx import graph as graphs
from modelport_plugins.onnx import output
from modelport_plugins.onnx.initializers import prepared
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, UnsupportedFeature, converter, first_line, option

LOWEST_OPSET = 11  # DynamicQuantizeLinear came with it


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    weight_type: str = option("uint8", "Type of the weights.", choices=("uint8", "int8"))
    per_channel: bool = option(False, "One scale for each output channel, not for each tensor.")
    reduce_range: bool = option(False, "Use 7 bits, which never saturate on older CPUs.")
    operators: tuple[str, ...] = option((), "Operators to quantise; none means all that can be.")


@converter(
    source="onnx",
    target="onnx",
    variant="int8-dynamic",
    role="pass",
    options=Options,
    title="Stores weights as 8-bit integers, activations quantised at run time",
    homepage="https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html",
)
def int8_dynamic(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Quantise.

    Raises:
        UnsupportedFeature: The operator set is too old, or nothing could be quantised.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    before = read(source, weights=False)
    if graphs.opset(before) < LOWEST_OPSET:
        raise UnsupportedFeature(
            f"operator set {graphs.opset(before)} has no dynamic quantisation",
            hint="Run the pass onnx.opset first.",
        )
    target = output.path(out, ctx)
    try:
        quantize_dynamic(
            str(prepared(source, before, ctx)),
            str(target),
            op_types_to_quantize=list(options.operators) or None,
            per_channel=options.per_channel,
            reduce_range=options.reduce_range,
            weight_type=QuantType.QUInt8 if options.weight_type == "uint8" else QuantType.QInt8,
            use_external_data_format=output.total_size(before) >= graphs.EXTERNAL_LIMIT,
        )
    except Exception as exc:  # the quantiser raises whatever its code trips over
        raise UnsupportedFeature(f"the quantiser refused this model: {first_line(exc)}") from exc
    after = graphs.load(target, weights=False)
    if graphs.operator_counts(after) == graphs.operator_counts(before):
        target.unlink()
        raise UnsupportedFeature("nothing in this model can be quantised dynamically")
    output.check_ports(after, before)
    output.check_loads(target, "the quantiser")
    ctx.declare_precision("int8")

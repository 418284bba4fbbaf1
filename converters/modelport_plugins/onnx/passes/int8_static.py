"""Stores weights and activations as 8-bit integers, with ranges from the user's own samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_onnx import graph as graphs
from modelport_onnx.signature import port
from modelport_plugins.onnx import output
from modelport_plugins.onnx.initializers import prepared
from modelport_plugins.onnx.source import read
from modelport_sdk import BadOption, Context, UnsupportedFeature, converter, first_line, option

LOWEST_OPSET = 11
PER_CHANNEL_OPSET = 13  # QuantizeLinear got its axis there


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    calibration: str = option(
        "calibration.npz",
        "File beside the model: one array an input, under its name; samples on the first axis.",
    )
    weight_type: str = option("uint8", "Type of the weights.", choices=("uint8", "int8"))
    per_channel: bool = option(True, "One scale for each output channel, not for each tensor.")
    reduce_range: bool = option(False, "Use 7 bits, which never saturate on older CPUs.")
    method: str = option(
        "minmax", "How a range is drawn.", choices=("minmax", "entropy", "percentile")
    )


class Samples:
    """What the quantiser reads: one feed a call, then None."""

    def __init__(self, feeds: Iterator[Mapping[str, Any]]) -> None:
        self._feeds = feeds

    def get_next(self) -> Mapping[str, Any] | None:
        """Return the next feed; the name is the quantiser's."""
        return next(self._feeds, None)


@converter(
    source="onnx",
    target="onnx",
    variant="int8-static",
    role="pass",
    options=Options,
    title="Stores weights and activations as 8-bit integers, calibrated with your samples",
    homepage="https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html",
)
def int8_static(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Quantise to QuantizeLinear/DequantizeLinear pairs.

    Raises:
        BadOption: There are no samples, or they do not fit the inputs.
        UnsupportedFeature: The operator set is too old, or the tool refuses.
    """
    from onnxruntime import quantization as tool

    before = read(source, weights=False)
    if graphs.opset(before) < LOWEST_OPSET:
        raise UnsupportedFeature(
            f"operator set {graphs.opset(before)} has no static quantisation",
            hint="Run the pass onnx.opset first.",
        )
    feeds = samples(_file(source, options, ctx), before)
    methods = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
    target = output.path(out, ctx)
    try:
        tool.quantize_static(
            str(prepared(source, before, ctx)),
            str(target),
            Samples(iter(feeds)),
            quant_format=tool.QuantFormat.QDQ,
            per_channel=options.per_channel and graphs.opset(before) >= PER_CHANNEL_OPSET,
            reduce_range=options.reduce_range,
            activation_type=tool.QuantType.QUInt8,
            weight_type=getattr(
                tool.QuantType, {"uint8": "QUInt8", "int8": "QInt8"}[options.weight_type]
            ),
            calibrate_method=getattr(tool.CalibrationMethod, methods[options.method]),
            use_external_data_format=output.total_size(before) >= graphs.EXTERNAL_LIMIT,
        )
    except Exception as exc:  # the quantiser raises whatever its code trips over
        raise UnsupportedFeature(f"the quantiser refused this model: {first_line(exc)}") from exc
    output.check_ports(graphs.load(target, weights=False), before)
    output.check_loads(target, "the quantiser")
    ctx.note(f"calibrated with {len(feeds)} samples")
    ctx.declare_precision("int8")


def _file(source: Path, options: Options, ctx: Context) -> Path:
    name = Path(options.calibration).name
    for folder in (source.parent, ctx.job):
        if (folder / name).is_file():
            return folder / name
    raise BadOption(
        f"there is no file {name} with calibration samples",
        hint="Send an .npz with one array an input beside the model.",
    )


def samples(path: Path, model: Any) -> list[dict[str, Any]]:
    """Return one feed a sample; an array may carry one more axis than the input, or not.

    Raises:
        BadOption: It is no .npz, an input is missing, or the sizes disagree.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError) as exc:
        raise BadOption(f"{path.name} is no .npz of plain arrays") from exc
    if "names" in arrays and "0" in arrays:  # written by modelport itself
        from modelport_sdk import tensors

        arrays = tensors.load(path)
    columns = {}
    for value in graphs.graph_inputs(model):
        about = port(value)
        name, rank = about["name"], len(about["shape"] or [])
        if name not in arrays:
            raise BadOption(
                f"{path.name} has no array {name}", hint=f"It has: {', '.join(arrays)}."
            )
        array = arrays[name].astype(about["dtype"], copy=False)
        if array.ndim not in {rank, rank + 1} or not array.ndim:
            raise BadOption(
                f"array {name} has {array.ndim} axes; {rank} or {rank + 1} were expected"
            )
        columns[name] = array if array.ndim == rank + 1 else array[:, None]
    counts = {len(column) for column in columns.values()}
    if len(counts) != 1 or not min(counts):
        raise BadOption(f"the arrays of {path.name} differ in their number of samples")
    return [{name: column[k] for name, column in columns.items()} for k in range(min(counts))]

"""ONNX to TensorFlow Lite with onnx2tf, without TensorFlow.

Source: PINTO0309/onnx2tf 2.6 (MIT), its backend ``flatbuffer_direct``.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow.lite import schema
from modelport_plugins.tensorflow.writer import preparation
from modelport_plugins.tensorflow.writer.finish import Finished
from modelport_plugins.tensorflow.writer.preparation import Port
from modelport_sdk import (
    Context,
    CorruptModel,
    CustomOperator,
    PluginError,
    UnsupportedFeature,
    UnsupportedOperator,
    converter,
    mapped,
    option,
)

CUSTOM = re.compile("^CUSTOM:(ONNX_)?")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PUBLISHED = ("ai.onnx", "com.microsoft")
LACKING = re.compile("not supported|unsupported|not implemented", re.IGNORECASE)
PAINT = re.compile(r"^(ERROR|WARNING|INFO|Traceback|File|=+|-+)\b")


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    fp16: bool = option(False, "Store weights as float16: half the size, about 3 digits.")
    layout: str = option(
        "source",
        "Layout of inputs and outputs of four and five axes: as in the source, or channels last.",
        choices=("source", "nhwc"),
    )


@converter(
    source="onnx",
    target="tflite",
    env="onnx2tf",
    options=Options,
    homepage="https://github.com/PINTO0309/onnx2tf",
)
def onnx_to_tflite(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert ONNX to TensorFlow Lite with onnx2tf, for one shape of each input.

    Raises:
        CorruptModel: The file is no ONNX model.
        CustomOperator: An operator is of no published set.
        DynamicShapeRequired: A size is open and was not given.
        UnsupportedOperator: TensorFlow Lite has no counterpart for an operator.
        UnsupportedFeature: onnx2tf gave up, or a port is no tensor.
    """
    from modelport_onnx import graph, signature

    model = _read(source)
    if port := signature.non_tensor(model):
        raise UnsupportedFeature(
            f"{port}, and TensorFlow Lite has tensors only",
            hint="Replace it by tensors before the export, or choose another target.",
        )
    counts = graph.operator_counts(model)
    if custom := {
        name: n for name, n in counts.items() if not name.startswith(PUBLISHED) and "::" in name
    }:
        names = ", ".join(sorted(custom))
        raise CustomOperator(f"{names}: in no published operator set", operators=custom)
    preparation.fixed(model, ctx.shapes)
    model = preparation.simplified(model, ctx)
    inputs, outputs = preparation.ported(model, last=options.layout == "nhwc")
    prepared = ctx.scratch / "prepared.onnx"
    graph.save(model, prepared)
    ctx.progress("convert", 0.2)
    written = _converted(prepared, [port.inner for port in inputs], counts, ctx)
    made = Finished(written)
    made.ports(inputs, outputs)
    if options.fp16:
        made.halve()
        ctx.declare_precision("float16")
    (out / f"{ctx.name}.tflite").write_bytes(made.written())
    _declare(inputs, outputs, made.gone, ctx)


def _read(source: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    from modelport_onnx import graph

    with mapped({DecodeError: CorruptModel, onnx.checker.ValidationError: CorruptModel}):
        return graph.load(source)


def _converted(prepared: Path, kept: Sequence[str], counts: Counter[str], ctx: Context) -> Path:
    """Return the file that onnx2tf wrote, its operators all TensorFlow Lite's own."""
    folder = ctx.scratch / "written"
    words = ["-i", str(prepared), "-o", str(folder), "-n", "-coion", "-kat", *kept]
    done = ctx.run_tool([sys.executable, "-I", "-B", "-m", "onnx2tf", *words])
    written = folder / "prepared_float32.tflite"
    if done.status or not written.is_file():
        raise _refusal(done.text, counts)
    kinds = Counter(operator.kind for operator in schema.operators(schema.read(written)))
    if custom := {CUSTOM.sub("", k): n for k, n in kinds.items() if CUSTOM.match(k)}:
        raise _missing(_spelt(custom, counts))
    return written


def _missing(operators: dict[str, int]) -> PluginError:
    names = ", ".join(sorted(operators))
    return UnsupportedOperator(
        f"TensorFlow Lite has no counterpart for {names}",
        operators=operators,
        hint="Replace these operators before the export, or choose another target.",
    )


def _spelt(custom: dict[str, int], counts: Counter[str]) -> dict[str, int]:
    """Return the operators as ONNX spells them: onnx2tf writes ``Squeeze`` as ``SQUEEZE``."""
    known = {name.rpartition("::")[2].upper(): name for name in counts}
    return {known.get(name.upper(), name): n for name, n in custom.items()}


def _refusal(text: str, counts: Counter[str]) -> PluginError:
    """Return what onnx2tf's last words mean."""
    lines = [COLOUR.sub("", line).strip() for line in text.splitlines()]
    said = [line for line in lines if line and not PAINT.match(line)]
    end = " ".join(said[-3:])
    found = [name for name in counts if re.search(rf"\b{re.escape(name)}\b", end)]
    if found and LACKING.search(end):
        return _missing({name: counts[name] for name in found})
    words = f": {said[-1][:200]}" if said else ""
    return UnsupportedFeature(
        f"onnx2tf cannot convert this model{words}",
        hint="Simplify the model, or choose another target.",
    )


def _declare(
    inputs: Sequence[Port], outputs: Sequence[Port], gone: Sequence[str], ctx: Context
) -> None:
    for port in inputs:
        if port.name in gone:
            ctx.input(port.name, None)
            ctx.note(f"No output depends on input {port.name}; it is gone.")
        else:
            ctx.input(port.name, port.name, axes=port.axes, shape=port.shape)
    for port in outputs:
        ctx.output(port.name, port.name, axes=port.axes)

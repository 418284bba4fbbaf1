"""ONNX to MNN with MNN's own converter.

Source: alibaba/MNN 3.6 (Apache-2.0), ``tools/converter``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.mnn import rewrites
from modelport_plugins.mnn.gelu import exact_gelu
from modelport_plugins.mnn.softmax import softmax_across
from modelport_plugins.mnn.tool import mnnconvert, refusal, succeeded
from modelport_sdk import (
    BadOption,
    Context,
    CorruptModel,
    Finished,
    UnsupportedFeature,
    converter,
    mapped,
    option,
)

RECURRENT = ("LSTM", "GRU", "RNN")
# Above this MNN's flatbuffer nears its own limit of 2 GiB.
EXTERNAL_BYTES = 1_500_000_000


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    fp16: bool = option(False, "Store weights as float16: half the size, about 3 digits.")
    weight_bits: int = option(
        0, "Store weights as integers of this many bits; 0 keeps them as they are.", choices=(0, 8)
    )


@converter(source="onnx", target="mnn", options=Options, homepage="https://github.com/alibaba/MNN")
def onnx_to_mnn(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert ONNX to MNN with MNN's own converter; open sizes stay open.

    Raises:
        BadOption: Two ways to store the weights at once.
        CorruptModel: The file is no ONNX model.
        UnsupportedOperator: MNN has no counterpart for an operator.
        UnsupportedFeature: The converter crashed, MNN cannot load what it wrote, or an input
            or output is no tensor.
    """
    from modelport_onnx import graph, signature

    if options.fp16 and options.weight_bits:
        raise BadOption("fp16 and weight_bits exclude one another", hint="Set one of them.")
    model = _description(source)
    if port := signature.non_tensor(model):
        raise UnsupportedFeature(
            f"{port}, and mnn has tensors only",
            hint="Replace it by tensors before the export, or choose another target.",
        )
    counts = graph.operator_counts(model)
    prepared = _prepared(source, model, ctx)
    ctx.progress("convert", 0.2)
    target = ctx.scratch / "model.mnn"
    arguments = _arguments(source, model, options)
    done = mnnconvert(prepared, target, arguments, ctx)
    if not succeeded(done, target) and any(name in counts for name in RECURRENT):
        done = _once_more(prepared, target, arguments, ctx)
    if not succeeded(done, target):
        raise refusal(done, counts)
    ctx.progress("write", 0.9)
    for suffix in ("", ".weight"):
        written = target.with_name(target.name + suffix)
        if written.is_file():
            written.replace(out / f"{ctx.name}.mnn{suffix}")
    ctx.declare_precision(
        "float16" if options.fp16 else "int8" if options.weight_bits else "float32"
    )
    _declare(model, ctx)


def _description(source: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    from modelport_onnx import graph

    with mapped({DecodeError: CorruptModel, onnx.checker.ValidationError: CorruptModel}):
        return graph.load(source, weights=False)


def _prepared(source: Path, model: Any, ctx: Context) -> Path:
    """Return the file to convert: the source itself, or a rewritten copy in ``scratch``."""
    import onnx

    from modelport_onnx import graph, softmax

    softmaxes = softmax.softmax_before_13(model)
    if softmaxes:
        ctx.note(f"{softmaxes} Softmax of opset < 13 written out, which MNN takes for another.")
    across = softmax_across(model)
    if across:
        ctx.note(f"{across} Softmax across the last axis written out, which MNN computes wrong.")
    constants = rewrites.constant_first(model)
    if constants:
        ctx.note(f"{constants} one-element constants put second, which MNN computes wrong first.")
    mirrored = rewrites.less_as_greater(model)
    if mirrored:
        ctx.note(f"{mirrored} Less written as Greater, since MNN computes Less wrong.")
    gelus = exact_gelu(model)
    if gelus:
        ctx.note(f"{gelus} GELU written out, for which MNN has an approximation.")
    rounds = rewrites.round_to_even(model)
    if rounds:
        ctx.note(f"{rounds} Round written out, since MNN rounds halves away from zero.")
    if not softmaxes + across + constants + mirrored + gelus + rounds:
        return source
    copy = ctx.scratch / "prepared.onnx"
    if _external(model):
        # A copy of the weights: no link can be made in a job's folder.
        onnx.load_external_data_for_model(model, str(source.parent))
    graph.save(model, copy)
    return copy


def _external(model: Any) -> set[str]:
    """Return the files, relative to the model's own, that hold its weights.

    Raises:
        CorruptModel: One is outside of the model's folder.
    """
    from modelport_onnx import graph

    found = {
        entry.value
        for tensor in graph.tensors(model)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in found):
        raise CorruptModel("the external data lies outside of the model's folder")
    return found


def _arguments(source: Path, model: Any, options: Options) -> list[str]:
    files = [source, *(source.parent / name for name in _external(model))]
    size = sum(file.stat().st_size for file in files if file.is_file())
    arguments = ["--saveExternalData"] if size > EXTERNAL_BYTES else []
    if options.fp16:
        arguments.append("--fp16")
    if options.weight_bits:
        arguments += ["--weightQuantBits", str(options.weight_bits)]
    return arguments


def _once_more(prepared: Path, target: Path, arguments: list[str], ctx: Context) -> Finished:
    """Keep LSTM and GRU as loops over time, which avoids a crash of the fused form."""
    target.unlink(missing_ok=True)
    done = mnnconvert(prepared, target, [*arguments, "--useOriginRNNImpl"], ctx)
    if succeeded(done, target):
        ctx.note("LSTM, GRU and RNN were converted to loops, since MNN's fused form failed.")
    return done


def _declare(model: Any, ctx: Context) -> None:
    """Tell which type an output has in the source, since MNN has fewer."""
    from onnx import helper

    for value in model.graph.output:
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
        if dtype != "float32":
            ctx.output(value.name, value.name, dtype=dtype)
            ctx.note(f"Output {value.name} is {dtype} in the source; MNN has 32-bit numbers only.")

"""Paddle to ONNX with paddle2onnx, for both kinds of programs.

Source: PaddlePaddle/Paddle2ONNX 2.1.0 (Apache-2.0), ``paddle2onnx/convert.py``. It runs in a
process of its own: it ends the whole process on damaged programs, and says "ONNX model saved" where
it wrote nothing. Its default, ``optimize_tool="polygraphy"``, would install packages.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.paddle import parameters, pir
from modelport_plugins.paddle.description import FRAME, Description
from modelport_plugins.paddle.inspect import described
from modelport_sdk import (
    Context,
    CorruptModel,
    Finished,
    PluginError,
    UnsupportedFeature,
    UnsupportedOperator,
    converter,
    first_line,
    option,
)

LONGEST = 300  # characters of a hint
HOME = "https://github.com/PaddlePaddle/Paddle2ONNX"
TRANSLATE = """
import sys, paddle
from paddle2onnx.convert import load_parameter, save_program
source, target = sys.argv[1:]
executor = paddle.static.Executor(paddle.CPUPlace())
with paddle.pir_utils.OldIrGuard():
    program = paddle.static.load_inference_model(
        None, executor, model_filename=open(source, "rb").read(),
        params_filename=open(source.rpartition(".")[0] + ".pdiparams", "rb").read())[0]
translated = paddle.pir.translate_to_pir(program.desc)
load_parameter(translated)
save_program(translated, target)
"""
EXPORT = """
import sys, paddle2onnx
source, weights, target, opset = sys.argv[1:]
paddle2onnx.export(source, weights, target, opset_version=int(opset), auto_upgrade_opset=True,
                   enable_onnx_checker=True, optimize_tool="None")
"""
ABORTED = "Due to the unsupported operators"
ERROR = re.compile(r"\[ERROR\]\s*(?:Failed to convert PaddlePaddle model: )?(.*)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    opset: int = option(
        17, "Operator set; raised where an operator needs a newer one.", ge=7, le=20
    )


@converter(source="paddle", target="onnx", env="paddle", options=Options, homepage=HOME)
def paddle_to_onnx(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert a PIR program with paddle2onnx; open sizes stay open.

    Raises:
        CorruptModel: The program cannot be read, or the weights are not its own.
        UnsupportedOperator: paddle2onnx has no rule for an operator.
        UnsupportedFeature: It failed, crashed, or wrote nothing of use.
    """
    told = described(source)
    told.held(source)
    _export((source, parameters.path(source)), out, options, told, ctx)


@converter(source="paddle-program", target="onnx", env="paddle", options=Options, homepage=HOME)
def program_to_onnx(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Translate a ProgramDesc to PIR with Paddle, and that with paddle2onnx.

    Raises:
        CorruptModel: The program cannot be read, or the weights are not its own.
        UnsupportedOperator: paddle2onnx has no rule for an operator.
        UnsupportedFeature: A step failed, crashed, or wrote nothing of use.
    """
    told = described(source)
    told.held(source)
    made = translated(source, ctx)
    _export((made, made.with_suffix(".pdiparams")), out, options, told, ctx)


def translated(source: Path, ctx: Context) -> Path:
    """Return the PIR program that Paddle makes of a ``.pdmodel``, in ``ctx.scratch``.

    Raises:
        UnsupportedFeature: Paddle failed or crashed.
    """
    copy, target = ctx.scratch / "source.pdmodel", ctx.scratch / "translated"
    copy.write_bytes(source.read_bytes())
    copy.with_suffix(".pdiparams").write_bytes(parameters.path(source).read_bytes())
    done = _python(TRANSLATE, [copy, target], ctx)
    made = target.with_suffix(".json")
    if done.status or not made.is_file() or not made.with_suffix(".pdiparams").is_file():
        raise UnsupportedFeature(f"Paddle cannot translate this program to PIR{_told(done)}")
    return made


def _export(
    files: tuple[Path, Path], out: Path, options: Options, told: Description, ctx: Context
) -> None:
    source, weights = files
    program = pir.read(source)
    if pir.single_scales(program) + pir.kept_axes(program):
        source = ctx.scratch / "mended.json"
        source.write_text(json.dumps(program, separators=(",", ":")), "utf-8")
    ctx.progress("convert", 0.3)
    target = out / f"{ctx.name}.onnx"
    done = _python(EXPORT, [source, weights, target, options.opset], ctx)
    if not target.is_file() or not target.stat().st_size:
        target.unlink(missing_ok=True)
        raise _failure(done, told)
    ctx.progress("check", 0.9)
    model = _checked(target)
    for kind, declare, mine in (
        ("input", ctx.input, told.inputs),
        ("output", ctx.output, told.outputs),
    ):
        theirs = list(getattr(model.graph, kind))
        if len(theirs) != len(mine):
            raise UnsupportedFeature(
                f"paddle2onnx wrote {len(theirs)} {kind}s, and the program has {len(mine)}"
            )
        for here, there in zip(mine, theirs):
            declare(here.name, there.name)


def _python(code: str, arguments: list[Any], ctx: Context) -> Finished:
    words = [sys.executable, "-I", "-B", "-c", code, *map(str, arguments)]
    return ctx.run_tool(words)


def _checked(path: Path) -> Any:
    """Return what was written, its weights left out.

    Raises:
        UnsupportedFeature: It is no valid ONNX model.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        onnx.checker.check_model(str(path), full_check=True)
        return onnx.load(str(path), load_external_data=False)
    except (
        DecodeError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
    ) as exc:
        raise UnsupportedFeature(
            f"paddle2onnx wrote no valid ONNX model: {first_line(exc)}"
        ) from exc


def _failure(done: Finished, told: Description) -> PluginError:
    """Return why nothing was written, whatever the exit status."""
    if ABORTED in done.text:
        known = ", ".join(sorted(set(told.operators) - FRAME))
        return UnsupportedOperator(
            "paddle2onnx has no rule for an operator of this program, and does not say for which",
            hint=f"It is one of these: {known}."[:LONGEST],
        )
    if done.status < 0 or done.status == 255:
        return CorruptModel(f"paddle2onnx ends ({done.status}) when it reads this program")
    return UnsupportedFeature(f"paddle2onnx wrote nothing{_told(done)}")


def _told(done: Finished) -> str:
    text = COLOUR.sub("", done.text)
    said = [one.strip() for one in ERROR.findall(text) if one.strip(" .")]
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith(("(", "Oops"))]
    words = (said or lines or [""])[-1].partition(" (at /")[0][:200]
    return f": {words}" if words else f" (status {done.status})"

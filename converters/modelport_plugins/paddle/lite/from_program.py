"""ProgramDesc to Paddle-Lite with its own optimiser.

Source: PaddlePaddle/Paddle-Lite 2.12 (Apache-2.0), ``lite/api/python/pybind``. It runs in a process
of its own: it aborts on programs that it does not take, and crashes at the end of others.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from modelport_plugins.paddle import parameters
from modelport_plugins.paddle.lite import format
from modelport_plugins.paddle.program.desc import describe
from modelport_sdk import (
    Context,
    Finished,
    PluginError,
    UnsupportedFeature,
    UnsupportedOperator,
    converter,
)

HOME = "https://github.com/PaddlePaddle/Paddle-Lite"
OPTIMISE = """
import os, sys
from paddlelite.lite import Opt
source, weights, target, place = sys.argv[1:]
tool = Opt()
tool.set_model_file(source)
tool.set_param_file(weights)
tool.set_valid_places(place)
tool.set_model_type("naive_buffer")
tool.set_optimize_out(target)
tool.run()
sys.stdout.flush()
os._exit(0)
"""
UNKNOWN = re.compile(r"unsupported ops are:? *((?:'?[\\w]+'?,? *)+)", re.IGNORECASE)
NAME = re.compile(r"[a-z_0-9]+")
LONGEST = 200  # characters of what the tool said


@converter(source="paddle-program", target="paddle-lite", env="paddlelite", homepage=HOME)
def program_to_lite(source: Path, out: Path, options: object, ctx: Context) -> None:
    """Optimise for ARM processors; the result cannot be run here.

    Raises:
        UnsupportedOperator: Paddle-Lite has no kernel for an operator.
        UnsupportedFeature: The optimiser failed, crashed, or wrote nothing of use.
    """
    optimise(source, out, "arm", ctx)


@converter(source="paddle-program", target="paddle-lite-x86", env="paddlelite", homepage=HOME)
def program_to_lite_x86(source: Path, out: Path, options: object, ctx: Context) -> None:
    """Optimise for x86 processors.

    Raises:
        UnsupportedOperator: Paddle-Lite has no kernel for an operator.
        UnsupportedFeature: The optimiser failed, crashed, or wrote nothing of use.
    """
    optimise(source, out, "x86", ctx)


def optimise(source: Path, out: Path, place: str, ctx: Context) -> None:
    """Write ``NAME.nb`` for ``place``."""
    told = describe(source)
    made = out / (f"{ctx.name}.nb")
    stem = ctx.scratch / "model"  # the tool adds .nb, and takes no name with other letters
    words = [source, parameters.path(source), stem, place]
    done = ctx.run_tool([sys.executable, "-I", "-B", "-c", OPTIMISE, *map(str, words)])
    written = stem.with_suffix(".nb")
    if not written.is_file() or not written.stat().st_size:
        raise _failure(done, told.operators, place)
    if not format.HEAD.match(written.read_bytes()[:64]):
        raise UnsupportedFeature("Paddle-Lite wrote something else than a model")
    written.replace(made)
    if place == "arm":
        ctx.note("made for ARM processors: it cannot be run on this machine")


def _failure(done: Finished, operators: object, place: str) -> PluginError:
    found = UNKNOWN.search(done.text)
    if found:
        names = sorted(set(NAME.findall(found.group(1))))
        counts = dict(operators)  # type: ignore[call-overload]  # a mapping
        return UnsupportedOperator(
            f"Paddle-Lite has no kernel of {', '.join(names)} for {place}",
            hint="Choose the target paddle-program, or replace the operator before the export.",
            operators={name: counts.get(name, 1) for name in names},
        )
    lines = [line.strip() for line in done.text.splitlines() if line.strip()]
    said = [line for line in lines if "rror" in line or "not supported" in line] or lines[-1:]
    words = f": {said[0][:LONGEST]}" if said else ""
    return UnsupportedFeature(
        f"Paddle-Lite's optimiser wrote nothing (status {done.status}){words}"
    )

"""ONNX to Paddle, operator by operator, in both of Paddle's formats.

Each operator becomes the calls of ``paddle`` that compute it; Paddle itself makes the program of
them and saves it. Open sizes stay open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_plugins.paddle.assembly import assemble
from modelport_plugins.paddle.inspect import described
from modelport_sdk import Context, UnsupportedFeature, converter

HOME = "https://github.com/PaddlePaddle/Paddle"


@converter(source="onnx", target="paddle", env="paddle", homepage=HOME)
def onnx_to_paddle(source: Path, out: Path, options: object, ctx: Context) -> None:
    """Build a program with Paddle 3 and save it as PIR; open sizes stay open.

    Raises:
        CorruptModel: The file is no ONNX model.
        UnsupportedOperator: An operator is not written; all are named, with their nodes.
        UnsupportedFeature: An operator is used in a way that is not written.
        DynamicShapeRequired: A size must be known that the source leaves open.
    """
    model = assemble(source, out, ctx)
    declare(model, out / f"{ctx.name}.json", ctx)


@converter(source="onnx", target="paddle-program", env="paddle26", homepage=HOME)
def onnx_to_paddle_program(source: Path, out: Path, options: object, ctx: Context) -> None:
    """Build a program with Paddle 2.6 and save it as ProgramDesc; open sizes stay open.

    Raises:
        CorruptModel: The file is no ONNX model.
        UnsupportedOperator: An operator is not written; all are named, with their nodes.
        UnsupportedFeature: An operator is used in a way that is not written.
        DynamicShapeRequired: A size must be known that the source leaves open.
    """
    model = assemble(source, out, ctx)
    declare(model, out / f"{ctx.name}.pdmodel", ctx)


def declare(model: Any, path: Path, ctx: Context) -> None:
    """Say what inputs and outputs are called in the program at ``path``, as it was saved.

    Raises:
        UnsupportedFeature: It was not saved, or has other outputs.
    """
    from modelport_onnx import graph

    if not path.is_file() or not path.with_suffix(".pdiparams").is_file():
        raise UnsupportedFeature("Paddle saved no whole program", hint="Its weights may be none.")
    told = described(path)
    told.held(path)
    fed = {one.name for one in told.inputs}
    for value in graph.graph_inputs(model):
        ctx.input(value.name, value.name if value.name in fed else None)
    wanted = [value.name for value in model.graph.output]
    if len(told.outputs) != len(wanted):
        raise UnsupportedFeature(f"Paddle saved {len(told.outputs)} outputs of {len(wanted)}")
    for name, one in zip(wanted, told.outputs):
        ctx.output(name, one.name)

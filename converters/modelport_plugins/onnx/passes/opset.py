"""Moves a model to another operator set, up or down, with ONNX's version converter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from modelport_onnx import graph as graphs
from modelport_onnx.rewrite import raise_opset
from modelport_plugins.onnx import output
from modelport_plugins.onnx.source import read
from modelport_sdk import (
    BadOption,
    Context,
    UnsupportedFeature,
    UnsupportedOperator,
    converter,
    first_line,
    option,
)

NAMED = re.compile(r"(?:No Previous Version of|for node: name: .*? of) (\w+)|op_type: (\w+)")


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    version: int = option(17, "Operator set (of the domain ai.onnx) to move to.", ge=7, le=30)
    ir_version: int = option(10, "IR version is lowered to this where it is higher.", ge=3, le=20)


@converter(
    source="onnx",
    target="onnx",
    variant="opset",
    role="pass",
    options=Options,
    title="Moves a model to another operator set",
    homepage="https://onnx.ai/onnx/api/version_converter.html",
)
def opset(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert; operators inside of If, Loop and Scan cannot be moved.

    Raises:
        UnsupportedOperator: An operator has no counterpart in that set.
        UnsupportedFeature: The model branches or has local functions.
    """
    import onnx

    newest = onnx.defs.onnx_opset_version()
    if options.version > newest:
        raise BadOption(f"operator set {options.version} is unknown", hint=f"Use at most {newest}.")
    before = read(source)
    model = before
    held = graphs.opset(before)
    if held != options.version:
        try:
            model = raise_opset(before, options.version)
        except (RuntimeError, ValueError) as exc:
            text = first_line(exc)
            names = [word for pair in NAMED.findall(text) for word in pair if word]
            if names:
                raise UnsupportedOperator(
                    f"{names[0]} cannot move from operator set {held} to {options.version}",
                    operators=names[:1],
                    hint="Choose a set nearer to the model's own.",
                ) from exc
            raise UnsupportedFeature(f"the version converter refused: {text}") from exc
    model.ir_version = min(model.ir_version, options.ir_version)
    ctx.note(f"operator set {held} became {graphs.opset(model)}")
    output.write(model, before, out, ctx)
    output.check_loads(output.path(out, ctx), "the version converter")

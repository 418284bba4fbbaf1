"""Repairs for one purpose: scalars built in, shapes fixed, branches taken, constants folded.

What it leaves is a graph without the shape arithmetic and the branches at which most
converters fail. It accepts less than the source did; the report says what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_onnx import fold, rewrite, shape
from modelport_onnx import graph as graphs
from modelport_onnx.hints import hints
from modelport_onnx.signature import port
from modelport_plugins.onnx import output, steps
from modelport_plugins.onnx.source import read
from modelport_sdk import BadOption, Context, converter, option

LOWEST_OPSET = 13


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    constants: tuple[str, ...] = option(
        (),
        "Scalar inputs to build in, e.g. sr=16000; by default those that the graph compares "
        "with constants, at the first of these.",
    )
    raise_opset: bool = option(True, "Raise operator sets below 13 to 13 where that is possible.")


@converter(
    source="onnx",
    target="onnx",
    variant="specialise",
    role="repair",
    cost=0.3,
    options=Options,
    title="Builds scalars in, fixes shapes, takes branches and folds constants",
)
def specialise(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Specialise for ``ctx.shapes``.

    Raises:
        BadOption: An input in ``constants`` is no scalar of the model.
    """
    before = read(source, weights=False)
    model = read(source)
    runs = steps.loads(model)
    model = specialised(model, options, ctx)
    gone = [entry["source"] for entry in ctx.inputs if entry["target"] is None]
    output.write(model, before, out, ctx, gone=gone)
    if runs:
        output.check_loads(output.path(out, ctx), "specialise")


def specialised(model: Any, options: Options, ctx: Context) -> Any:
    """Return ``model`` specialised; notes and the inputs that changed go to ``ctx``."""
    model = steps.apply(model, steps.NORMALISE, ctx)
    for name, value in _constants(model, options.constants).items():
        rewrite.bind_input(model, name, value)
        ctx.input(name, None, constant=value.ravel()[0].item() if value.size == 1 else None)
        ctx.note(f"input {name} is built in as {value.ravel()[0]}")
    for name, dims in shape.fix(model, ctx.shapes).items():
        ctx.input(name, name, shape=dims)
        ctx.note(f"input {name} takes the shape {'x'.join(map(str, dims))} only")
    model = steps.apply(model, (steps.Step(_folded, "{} operators and branches folded"),), ctx)
    if options.raise_opset and graphs.opset(model) < LOWEST_OPSET:
        model = _raised(model, ctx)
    return model


def _folded(model: Any) -> int:
    return sum(fold.fold(model).values())


def _raised(model: Any, ctx: Context) -> Any:
    held = graphs.opset(model)
    try:
        raised = rewrite.raise_opset(model, LOWEST_OPSET)
    except (RuntimeError, ValueError):
        return model
    rewrite.explicit_axis(raised)
    fold.fold(raised)
    if not steps.loads(raised):
        return model
    ctx.note(f"operator set {held} raised to {LOWEST_OPSET}")
    return raised


def _constants(model: Any, asked: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the arrays to build in, by input."""
    import numpy as np

    inputs = {value.name: port(value) for value in graphs.graph_inputs(model)}
    given = dict(entry.rpartition("=")[::2] for entry in asked)
    if not asked:
        given = {
            name: found["values"][0] for name, found in hints(model).items() if "values" in found
        }
    arrays = {}
    for name, text in given.items():
        about = inputs.get(name)
        sizes = about["shape"] if about else None
        if about is None or sizes is None or any(size not in (1, None) for size in sizes):
            raise BadOption(
                f"input {name!r} is no scalar of this model", hint=f"Inputs: {', '.join(inputs)}."
            )
        try:
            value = np.array(_number(text)).astype(about["dtype"])
        except (TypeError, ValueError):
            raise BadOption(f"{text!r} is no value for input {name}") from None
        arrays[name] = value.reshape([1] * len(sizes))
    return arrays


def _number(text: Any) -> Any:
    word = str(text).lower()
    if word in {"true", "false"}:
        return word == "true"
    return float(word) if "." in word or "e" in word else int(word)

"""Gives open dimensions of the inputs a size: many runtimes need it, others run faster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelport_onnx import graph as graphs
from modelport_onnx.shape import fix
from modelport_onnx.signature import shape
from modelport_plugins.onnx import output
from modelport_plugins.onnx.source import read
from modelport_sdk import BadOption, Context, DynamicShapeRequired, converter, option


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    sizes: tuple[str, ...] = option(
        (), "Sizes by symbol, e.g. batch=1,height=224; what they leave open follows --shape."
    )


@converter(
    source="onnx",
    target="onnx",
    variant="fix-shapes",
    role="repair",
    cost=0.5,
    options=Options,
    title="Fixes the open dimensions of the inputs",
)
def fix_shapes(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Write fixed shapes; inner shapes are inferred anew.

    Raises:
        BadOption: A symbol is not in the model, or a size is no number.
        DynamicShapeRequired: A dimension stays open.
        UnsupportedFeature: Some operator, in a branch as a rule, refuses these shapes.
    """
    model = read(source)
    before = read(source, weights=False)
    sizes = _sizes(options.sizes)
    symbols = {s for v in graphs.graph_inputs(model) for s in shape(v) or [] if isinstance(s, str)}
    unknown = sorted(set(sizes) - symbols)
    if unknown:
        listed = ", ".join(sorted(symbols)) or "none"
        raise BadOption(f"no dimension is named {unknown[0]!r}", hint=f"Named are: {listed}.")
    fixed = fix(model, ctx.shapes, sizes)
    still = [
        v.name
        for v in graphs.graph_inputs(model)
        if any(not isinstance(s, int) for s in shape(v) or [])
    ]
    if still:
        raise DynamicShapeRequired(
            f"input {still[0]} has open dimensions", hint=f"Give --shape {still[0]}=1,3,224,224."
        )
    for name, dims in fixed.items():
        ctx.input(name, shape=dims, target=name)
        ctx.note(f"input {name} takes the shape {'x'.join(map(str, dims))} only")
    output.write(model, before, out, ctx)
    output.check_loads(output.path(out, ctx), "fix-shapes")


def _sizes(entries: tuple[str, ...]) -> dict[str, int]:
    sizes = {}
    for entry in entries:
        name, _, size = entry.rpartition("=")
        if not name or not size.strip().isdigit():
            raise BadOption(f"size {entry!r} is not of the form NAME=NUMBER")
        sizes[name.strip()] = int(size)
    return sizes

"""ExportedProgram to ONNX and to TorchScript."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.export import export_program, export_script
from modelport_plugins.pytorch.port import identifiers
from modelport_plugins.pytorch.program import (
    call_program,
    load_program,
    module_of,
    output_names,
    user_inputs,
)
from modelport_plugins.pytorch.traced import traced
from modelport_sdk import Context, UnsupportedFeature, converter, option

HOMEPAGE = "https://docs.pytorch.org/docs/stable/onnx.html"


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    opset: int = option(18, "Version of the ONNX operator set to write.", ge=18, le=23)


@dataclass(frozen=True)
class TracedOptions:
    """What the user may set for the older exporter."""

    opset: int = option(17, "Version of the ONNX operator set to write.", ge=9, le=20)


@converter(source="pt2", target="onnx", options=Options, homepage=HOMEPAGE)
def pt2_to_onnx(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Write ONNX with PyTorch's exporter; symbolic sizes stay open."""
    import torch

    torch.set_num_threads(ctx.threads)
    program = load_program(source)
    names = ([name for name, fixed in user_inputs(program) if fixed is None], output_names(program))
    ctx.progress("load", 1.0)
    export_program(program, out / f"{ctx.name}.onnx", names=names, opset=options.opset)


@converter(
    source="pt2",
    target="onnx",
    variant="traced",
    cost=2.0,
    options=TracedOptions,
    homepage=HOMEPAGE,
)
def pt2_to_onnx_traced(source: Path, out: Path, options: TracedOptions, ctx: Context) -> None:
    """Trace the program and write ONNX with the TorchScript exporter, for older opsets."""
    program = load_program(source)
    script, feeds = _traced(program, ctx)
    outputs = output_names(program)
    export_script(
        script,
        tuple(feeds.values()),
        out / f"{ctx.name}.onnx",
        names=(list(feeds), outputs),
        axes={},
        opset=options.opset,
    )
    for name, tensor in feeds.items():
        ctx.input(name, name, shape=list(tensor.shape))


@converter(source="pt2", target="torchscript")
def pt2_to_torchscript(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Trace the program on example inputs; the result takes the shapes it was traced with."""
    program = load_program(source)
    script, feeds = _traced(program, ctx)
    script.save(str(out / f"{ctx.name}.pt"))
    fixed = _symbolic(program)
    if fixed:
        ctx.note("The result was traced: it takes the shapes it was traced with, and no others.")
    for name, target in zip(feeds, identifiers(list(feeds)), strict=True):
        ctx.input(name, target, shape=list(feeds[name].shape) if name in fixed else None)
    for place, name in enumerate(output_names(program)):
        ctx.output(name, f"out{place}")


def _symbolic(program: Any) -> set[str]:
    """Return the inputs with a symbolic size: tracing may have fixed it."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    return {
        name
        for name, fixed in user_inputs(program)
        if fixed is None and any(not isinstance(size, int) for size in values[name].shape)
    }


def _traced(program: Any, ctx: Context) -> tuple[Any, dict[str, Any]]:
    """Return the program as TorchScript with one argument an input, and the inputs used."""
    import torch

    torch.set_num_threads(ctx.threads)
    feeds = _feeds(program, ctx)
    module = module_of(program)
    # The input check of exported modules compares sizes, which tracing would record.
    module._forward_pre_hooks.clear()  # noqa: SLF001  # no public way to drop it
    answer = call_program(program, module)

    def call(*tensors: Any) -> Any:
        return answer(dict(zip(feeds, tensors, strict=True)))

    script = traced(module, tuple(feeds.values()), identifiers(list(feeds)), call)
    ctx.progress("trace", 1.0)
    return script, feeds


def _feeds(program: Any, ctx: Context) -> dict[str, Any]:
    """Return example tensors; symbolic sizes come from ``ctx.shapes``, else are what was traced."""
    import torch

    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    feeds = {}
    for name, fixed in user_inputs(program):
        if fixed is not None:
            continue
        value = values[name]
        if not isinstance(value, torch.Tensor):
            raise UnsupportedFeature(f"input {name} is no tensor")
        shape = ctx.shapes.get(name) or tuple(_size(program, size) for size in value.shape)
        kind = value.dtype
        noise = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        feeds[name] = noise.to(kind) if kind.is_floating_point else torch.zeros(shape).to(kind)
    return feeds


def _size(program: Any, size: Any) -> int:
    """Return a number for a size: its own, or a small one in the symbol's range."""
    if isinstance(size, int):
        return size
    limits = program.range_constraints.get(size.node.expr)
    low, high = (str(limits.lower), str(limits.upper)) if limits is not None else ("1", "")
    smallest = max(int(low) if low.isdigit() else 1, 2)  # 1 is often treated apart
    return min(smallest, int(high)) if high.isdigit() else smallest

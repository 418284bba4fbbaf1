"""ONNX to TorchScript and to ExportedProgram by our own writer, one operator at a time.

Writes a ``.pt`` that keeps open sizes and branches, and loads in PyTorch without our code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.export import refused
from modelport_plugins.pytorch.graph import Built, build
from modelport_plugins.pytorch.onnx_source import example, free_axes, load_model
from modelport_plugins.pytorch.program import call_program, output_names, user_inputs
from modelport_sdk import Context, converter


@converter(source="onnx", target="torchscript", variant="direct", cost=1.0)
def onnx_to_torchscript(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Write every ONNX operator as TorchScript; open sizes and branches are kept."""
    import torch

    torch.set_num_threads(ctx.threads)
    model = load_model(source)
    ctx.progress("load", 1.0)
    built = build(model, ctx.scratch)
    with refused("TorchScript does not take the graph"):
        script = torch.jit.script(built.module)
    script.save(str(out / f"{ctx.name}.pt"))
    declare(built, ctx)


def declare(built: Built, ctx: Context) -> None:
    """Tell what inputs and outputs are called in the result."""
    for source, target in built.inputs:
        ctx.input(source, target)
    for place, name in enumerate(built.outputs):
        ctx.output(name, f"out{place}")


@converter(source="onnx", target="pt2", variant="direct", cost=1.0)
def onnx_to_pt2(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Export our module of the graph; open sizes are kept where PyTorch can follow them."""
    import torch

    torch.set_num_threads(ctx.threads)
    model = load_model(source)
    built = build(model, ctx.scratch)
    feeds = example(model, ctx)
    axes = free_axes(model)
    ctx.progress("load", 1.0)
    program = _exported(built, feeds, axes, ctx.scratch / "trial.pt2")
    dynamic = program is not None
    if program is None:
        args = tuple(feeds[name] for name, _ in built.inputs)
        with torch.no_grad(), refused("torch.export does not follow the graph"):
            program = torch.export.export(built.module, args)
    torch.export.save(program, str(out / f"{ctx.name}.pt2"))
    names = [name for name, constant in user_inputs(program) if constant is None]
    for (name, _), target in zip(built.inputs, names, strict=True):
        fixed = not dynamic and bool(axes[name])
        ctx.input(name, target, shape=list(feeds[name].shape) if fixed else None)
    for name, target in zip(built.outputs, output_names(program), strict=True):
        ctx.output(name, target)


def _exported(
    built: Built, feeds: Mapping[str, Any], axes: Mapping[str, dict[int, str]], trial: Path
) -> Any:
    """Return the program with open sizes; None if PyTorch cannot keep them open.

    ``trial`` is where it is saved once to see.
    """
    import torch

    # torch.export takes a size of 1 for a constant, so open ones are shown to it as 2.
    args = []
    for name, _ in built.inputs:
        shape = [
            max(size, 2) if i in axes[name] else size for i, size in enumerate(feeds[name].shape)
        ]
        args.append(feeds[name].expand(shape).contiguous())
    open_size = torch.export.Dim.AUTO(min=1)
    shapes = tuple(dict.fromkeys(axes[name], open_size) for name, _ in built.inputs)
    with contextlib.suppress(Exception), torch.no_grad():
        program = torch.export.export(built.module, tuple(args), dynamic_shapes=shapes)
        names = [name for name, constant in user_inputs(program) if constant is None]
        asked = (feeds[name] for name, _ in built.inputs)
        # A size that a later operator settled may show in the saved file only: the shapes asked
        # for must run there.
        torch.export.save(program, str(trial))
        saved = torch.export.load(str(trial))
        call_program(saved)(dict(zip(names, asked, strict=True)))
        return program if _kept(program, built, axes) else None
    return None


def _kept(program: Any, built: Built, axes: Mapping[str, dict[int, str]]) -> bool:
    """Return whether every open size is still open in the program."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    names = [name for name, fixed in user_inputs(program) if fixed is None]
    return all(
        _is_open(program, values[target].shape[axis])
        for (name, _), target in zip(built.inputs, names, strict=True)
        for axis in axes[name]
    )


def _is_open(program: Any, size: Any) -> bool:
    """Return whether a size is a symbol that may be more than one number."""
    if isinstance(size, int) or str(size).isdigit():
        return False
    limits = program.range_constraints.get(size.node.expr)
    return limits is None or limits.lower != limits.upper

"""ONNX to TorchScript and to ExportedProgram by our own writer, one operator at a time.

Writes a ``.pt`` that keeps open sizes and branches, and loads in PyTorch without our code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.export import refused
from modelport_plugins.pytorch.graph import Built, build
from modelport_plugins.pytorch.onnx_source import example, free_axes, load_model
from modelport_plugins.pytorch.program import output_names, user_inputs
from modelport_sdk import Context, UnsupportedOperator, converter


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
    if not built.static:
        raise UnsupportedOperator(
            "If on a computed condition does not survive torch.export", operators=["If"]
        )
    feeds = example(model, ctx)
    args = tuple(feeds[name] for name, _ in built.inputs)
    ctx.progress("load", 1.0)
    program, dynamic = _exported(built, args, free_axes(model))
    torch.export.save(program, str(out / f"{ctx.name}.pt2"))
    names = [name for name, fixed in user_inputs(program) if fixed is None]
    for (name, _), target, tensor in zip(built.inputs, names, args, strict=True):
        ctx.input(name, target, shape=None if dynamic else list(tensor.shape))
    for name, target in zip(built.outputs, output_names(program), strict=True):
        ctx.output(name, target)


def _exported(built: Built, args: tuple[Any, ...], axes: Any) -> tuple[Any, bool]:
    """Return the program, with open sizes if that works, else of the shapes of ``args``."""
    import torch

    open_sizes = torch.export.Dim.AUTO
    shapes = tuple(dict.fromkeys(axes[name], open_sizes) for name, _ in built.inputs)
    if any(shapes):
        try:
            with torch.no_grad():
                program = torch.export.export(built.module, args, dynamic_shapes=shapes)
        except Exception:  # noqa: BLE001  # whatever it is, fixed shapes are the next try
            pass
        else:
            return program, True
    with torch.no_grad(), refused("torch.export does not follow the graph"):
        return torch.export.export(built.module, args), False

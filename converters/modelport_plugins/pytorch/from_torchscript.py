"""TorchScript to ONNX and to ExportedProgram."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.example import Example, example
from modelport_plugins.pytorch.export import export_program, export_script, refused
from modelport_plugins.pytorch.port import values
from modelport_plugins.pytorch.script import load_script
from modelport_sdk import Context, converter, option

HOMEPAGE = "https://docs.pytorch.org/docs/stable/onnx.html"


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    opset: int = option(17, "Version of the ONNX operator set to write.", ge=9, le=20)
    dynamic: bool = option(True, "Keep sizes open that the model leaves open.")


@dataclass(frozen=True)
class ProgramOptions:
    """What the user may set for the newer exporter."""

    opset: int = option(18, "Version of the ONNX operator set to write.", ge=18, le=23)


@converter(source="torchscript", target="onnx", options=Options, homepage=HOMEPAGE)
def torchscript_to_onnx(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Write ONNX with PyTorch's TorchScript exporter, which follows the saved graph."""
    module, found = _prepared(source, ctx)
    export_script(
        module,
        tuple(values(found.fed, found.feeds)),
        out / f"{ctx.name}.onnx",
        names=(list(found.feeds), found.outputs),
        axes=found.axes if options.dynamic else {},
        opset=options.opset,
    )


@converter(
    source="torchscript",
    target="onnx",
    variant="dynamo",
    cost=2.0,
    options=ProgramOptions,
    homepage=HOMEPAGE,
)
def torchscript_to_onnx_dynamo(
    source: Path, out: Path, options: ProgramOptions, ctx: Context
) -> None:
    """Write ONNX by way of an ExportedProgram, with PyTorch's newer exporter."""
    module, found = _prepared(source, ctx)
    program = _program(module, found)
    names = (list(found.feeds), found.outputs)
    export_program(program, out / f"{ctx.name}.onnx", names=names, opset=options.opset)
    _fix_shapes(found, ctx)


@converter(source="torchscript", target="pt2", cost=1.5)
def torchscript_to_pt2(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Turn the TorchScript graph into an ExportedProgram of fixed shapes."""
    import torch

    module, found = _prepared(source, ctx)
    program = _program(module, found)
    torch.export.save(program, str(out / f"{ctx.name}.pt2"))
    _declare(program, found, ctx)


def _prepared(source: Path, ctx: Context) -> tuple[Any, Example]:
    """Return the module and inputs that it takes."""
    import torch

    torch.set_num_threads(ctx.threads)
    module = load_script(source)
    found = example(module, ctx)
    ctx.progress("load", 1.0)
    return module, found


def _program(module: Any, found: Example) -> Any:
    """Return the module as an ExportedProgram, by PyTorch's own converter for TorchScript."""
    from torch._export.converter import TS2EPConverter

    with refused("PyTorch cannot turn the TorchScript graph into an ExportedProgram"):
        return TS2EPConverter(module, tuple(values(found.fed, found.feeds))).convert()


def _fix_shapes(found: Example, ctx: Context) -> None:
    for name, tensor in found.feeds.items():
        ctx.input(name, name, shape=list(tensor.shape))


def _declare(program: Any, found: Example, ctx: Context) -> None:
    """Tell what inputs and outputs are called in the ExportedProgram."""
    from modelport_plugins.pytorch.program import output_names, user_inputs

    names = [name for name, fixed in user_inputs(program) if fixed is None]
    for (source, tensor), target in zip(found.feeds.items(), names, strict=True):
        ctx.input(source, target, shape=list(tensor.shape))
    for source, target in zip(found.outputs, output_names(program), strict=True):
        ctx.output(source, target)

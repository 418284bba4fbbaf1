"""ONNX to TorchScript and to ExportedProgram with onnx2torch and with pnnx.

Rivals of our own writer: both give a Python module, which is traced or exported on
example inputs, so the result takes the shapes it was made with.
Sources: ENOT-AutoDL/onnx2torch 1.5 (Apache-2.0); pnnx 20261020 (BSD-3-Clause).
"""

from __future__ import annotations

import importlib.util
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.export import refused
from modelport_plugins.pytorch.onnx_source import example, free_axes, load_model
from modelport_plugins.pytorch.port import identifiers
from modelport_plugins.pytorch.program import output_names, user_inputs
from modelport_plugins.pytorch.traced import traced
from modelport_sdk import Context, UnsupportedFeature, UnsupportedOperator, converter

OPSET = 17  # the newest on which onnx2torch was seen to convert more than plain convolutions
ONNX2TORCH = "https://github.com/ENOT-AutoDL/onnx2torch"
PNNX = "https://github.com/pnnx/pnnx"


@dataclass(frozen=True)
class Ready:
    """A module that a tool made, and what to call it with.

    Attributes:
        feeds: Example tensors by ONNX name, in order.
        outputs: ONNX names in order.
        free: Inputs with an open size, which the result may not keep.
    """

    module: Any
    feeds: dict[str, Any]
    outputs: tuple[str, ...]
    free: frozenset[str]


@converter(source="onnx", target="torchscript", variant="onnx2torch", cost=2.0, homepage=ONNX2TORCH)
def onnx_to_torchscript_onnx2torch(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Convert with onnx2torch, node by node to modules, and trace the result."""
    _save_script(_onnx2torch(source, ctx), out, ctx)


@converter(source="onnx", target="pt2", variant="onnx2torch", cost=2.0, homepage=ONNX2TORCH)
def onnx_to_pt2_onnx2torch(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Convert with onnx2torch, node by node to modules, and export the result."""
    _save_program(_onnx2torch(source, ctx), out, ctx)


@converter(source="onnx", target="torchscript", variant="pnnx", cost=3.0, homepage=PNNX)
def onnx_to_torchscript_pnnx(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Convert with pnnx, import the module that it writes, and trace that."""
    _save_script(_pnnx(source, ctx), out, ctx)


@converter(source="onnx", target="pt2", variant="pnnx", cost=3.0, homepage=PNNX)
def onnx_to_pt2_pnnx(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Convert with pnnx, import the module that it writes, and export that."""
    _save_program(_pnnx(source, ctx), out, ctx)


def _onnx2torch(source: Path, ctx: Context) -> Ready:
    """Return what onnx2torch makes of the graph, lowered to an opset that it knows."""
    import torch

    from modelport_onnx.graph import opset
    from modelport_onnx.rewrite import raise_opset

    torch.set_num_threads(ctx.threads)
    _stand_in()
    import onnx2torch

    model = load_model(source)
    with refused("onnx2torch does not convert the graph"):
        lowered = raise_opset(model, OPSET) if opset(model) > OPSET else model
        try:
            module = onnx2torch.convert(lowered).eval()
        except NotImplementedError as exc:
            operator = str(exc).split("operation_type=")[-1].split(",")[0].strip("'\" )")
            raise UnsupportedOperator(
                f"onnx2torch has no converter for {operator[:60]}", operators=[operator[:60]]
            ) from exc
    return _ready(model, module, ctx)


def _stand_in() -> None:
    """Put an empty torchvision in place, unless one is loaded.

    onnx2torch imports it for NonMaxSuppression and RoiAlign only, and its usual wheel does
    not load beside a CPU build of PyTorch.
    """

    def absent(*args: Any, **options: Any) -> Any:
        raise NotImplementedError("operation_type='NonMaxSuppression or RoiAlign'")

    package, operators = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")
    vars(operators).update(nms=absent, roi_align=absent, batched_nms=absent)
    vars(package).update(ops=operators)
    sys.modules.setdefault("torchvision", package)
    sys.modules.setdefault("torchvision.ops", operators)


def _ready(model: Any, module: Any, ctx: Context) -> Ready:
    free = frozenset(name for name, axes in free_axes(model).items() if axes)
    outputs = tuple(value.name for value in model.graph.output)
    return Ready(module, example(model, ctx), outputs, free)


def _pnnx(source: Path, ctx: Context) -> Ready:
    """Return the module in the Python file that pnnx writes, with the weights beside it."""
    import torch

    from modelport_onnx.graph import save

    torch.set_num_threads(ctx.threads)
    model = load_model(source)
    feeds = example(model, ctx)
    save(model, ctx.scratch / "graph.onnx")
    shapes = ",".join(f"{list(t.shape)}{_letter(t)}".replace(" ", "") for t in feeds.values())
    argv = [str(_binary()), "graph.onnx", "fp16=0", f"inputshape={shapes}"]
    finished = ctx.run_tool(argv, cwd=ctx.scratch)
    written = ctx.scratch / "graph_pnnx.py"
    if finished.status != 0 or not written.is_file():
        how = f"was killed by signal {-finished.status}" if finished.status < 0 else "gave up"
        raise UnsupportedFeature(f"pnnx {how} on this graph", hint="Try another converter.")
    ctx.progress("pnnx", 1.0)
    return _ready(model, _imported(written), ctx)


def _imported(path: Path) -> Any:
    """Return the generated module; it reads its weights by a path relative to its folder."""
    import contextlib

    with contextlib.chdir(path.parent), refused("the module that pnnx wrote cannot be used"):
        spec = importlib.util.spec_from_file_location("pnnx_model", path)
        if spec is None or spec.loader is None:
            raise UnsupportedFeature("the module that pnnx wrote cannot be imported")
        namespace = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(namespace)
        return namespace.Model().float().eval()


def _binary() -> Path:
    """Return pnnx's program; importing its package would import PyTorch again."""
    found = importlib.util.find_spec("pnnx")
    root = Path(found.origin).parent if found is not None and found.origin else Path()
    for path in (root / "pnnx", root / "bin" / "pnnx"):
        if path.is_file():
            return path
    raise UnsupportedFeature("pnnx is not installed in this environment")


def _letter(tensor: Any) -> str:
    """Return how pnnx writes the type of an input."""
    names = {"float32": "f32", "float64": "f64", "float16": "f16", "int64": "i64", "int32": "i32"}
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in names:
        raise UnsupportedFeature(f"pnnx takes no inputs of type {name}")
    return names[name]


def _save_script(ready: Ready, out: Path, ctx: Context) -> None:
    arguments = identifiers(list(ready.feeds))
    script = traced(ready.module, list(ready.feeds.values()), arguments)
    _expect(len(list(script.graph.outputs())) == 1)
    script.save(str(out / f"{ctx.name}.pt"))
    for (name, tensor), argument in zip(ready.feeds.items(), arguments, strict=True):
        ctx.input(name, argument, shape=list(tensor.shape) if name in ready.free else None)
    for place, name in enumerate(ready.outputs):
        ctx.output(name, f"out{place}")


def _save_program(ready: Ready, out: Path, ctx: Context) -> None:
    import torch

    with torch.no_grad(), refused("torch.export does not follow the module"):
        program = torch.export.export(ready.module, tuple(ready.feeds.values()))
    names = [name for name, fixed in user_inputs(program) if fixed is None]
    targets = output_names(program)
    _expect(len(names) == len(ready.feeds) and len(targets) == len(ready.outputs))
    torch.export.save(program, str(out / f"{ctx.name}.pt2"))
    for (name, tensor), target in zip(ready.feeds.items(), names, strict=True):
        ctx.input(name, target, shape=list(tensor.shape) if name in ready.free else None)
    for name, target in zip(ready.outputs, targets, strict=True):
        ctx.output(name, target)


def _expect(kept: bool) -> None:  # reads as an assertion
    if not kept:
        raise UnsupportedFeature("the tool changed the number of inputs or outputs")

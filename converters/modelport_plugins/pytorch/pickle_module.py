"""Loads pickled modules, which runs their code: only where operator and uploader allow it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.pickle_verdict import contents
from modelport_sdk import (
    Context,
    CorruptModel,
    UnsafeModel,
    UnsupportedFeature,
    WeightsOnly,
    converter,
    first_line,
)


def load_pickled(path: Path, ctx: Context) -> Any:
    """Return the pickled module as a ScriptModule.

    Raises:
        UnsafeModel: Nobody allowed it, or it asks for more than classes of modules.
        UnsupportedFeature: A class is not installed here, or TorchScript cannot express it.
    """
    import torch

    found = contents(path)
    if not found.modules:
        raise WeightsOnly("the file holds weights, and no graph")
    if not ctx.consent:
        raise UnsafeModel(f"a pickled module of class {found.modules[0]}; loading it runs code")
    try:
        module = torch.load(str(path), map_location="cpu", weights_only=False)
    except (ModuleNotFoundError, AttributeError) as exc:
        raise UnsupportedFeature(
            f"a class of the pickled module is missing here: {first_line(exc)}",
            hint="Export the model where its classes are installed.",
        ) from exc
    except Exception as exc:  # a pickle's own code may raise anything
        raise CorruptModel(f"the pickled module cannot be loaded: {first_line(exc)}") from exc
    if not isinstance(module, torch.nn.Module):
        raise UnsupportedFeature(f"the pickle holds a {type(module).__name__}, and no module")
    return _scripted(module.eval(), ctx)


def _scripted(module: Any, ctx: Context) -> Any:
    import torch

    try:
        return torch.jit.script(module)
    except Exception as exc:  # the script compiler raises many kinds, all of them a refusal
        if not ctx.shapes:
            raise UnsupportedFeature(
                f"TorchScript cannot express the module: {first_line(exc)}",
                hint="Give the shapes of its inputs so that it can be traced.",
            ) from exc
    example = tuple(torch.rand(shape) for shape in ctx.shapes.values())
    with torch.no_grad():
        return torch.jit.trace(module, example, check_trace=False)


@converter(
    source="pytorch-pickle",
    target="torchscript",
    cost=1.0,
    homepage="https://docs.pytorch.org/docs/stable/jit.html",
)
def pickle_to_torchscript(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Load a pickled module, where that is allowed, and save it as TorchScript."""
    module = load_pickled(source, ctx)
    module.save(str(out / f"{ctx.name}.pt"))

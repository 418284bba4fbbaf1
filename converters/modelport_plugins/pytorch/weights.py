"""Lists the floating-point tensors of PyTorch files, for the comparison of weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.program import load_program
from modelport_plugins.pytorch.runtime import arrays
from modelport_plugins.pytorch.script import constants, load_script
from modelport_plugins.pytorch.weights_inspector import read_header
from modelport_sdk import Context, weights


@weights(format="torchscript")
def read_torchscript(path: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Return parameters, buffers and the constants of the graph."""
    module = load_script(path)
    yield from _floats(module.state_dict())
    yield from _floats(constants(module))


@weights(format="pt2")
def read_pt2(path: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Return parameters, buffers and lifted constants."""
    import torch

    program = load_program(path)
    yield from _floats(program.state_dict)
    yield from _floats({k: v for k, v in program.constants.items() if isinstance(v, torch.Tensor)})


@weights(format="safetensors")
def read_safetensors(path: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Return the tensors of a safetensors file, whose header is checked first."""
    from safetensors.torch import load_file

    read_header(path)
    yield from _floats(load_file(str(path)))


@weights(format="pytorch-pickle")
def read_pickle(path: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Return the tensors of a state_dict, by dotted names; no code in the pickle runs."""
    import torch

    loaded = torch.load(str(path), map_location="cpu", weights_only=True)
    yield from _floats(_flat(loaded, ""))


def _flat(value: Any, name: str) -> dict[str, Any]:
    """Return the tensors of nested dictionaries by dotted names."""
    if hasattr(value, "is_floating_point"):
        return {name or "tensor": value}
    found: dict[str, Any] = {}
    for key, inner in value.items() if isinstance(value, dict) else ():
        found.update(_flat(inner, f"{name}.{key}" if name else str(key)))
    return found


def _floats(state: Any) -> Iterable[tuple[str, Any]]:
    kept = {
        name: tensor
        for name, tensor in state.items()
        if tensor.is_floating_point() and tensor.numel()
    }
    yield from arrays(kept).items()

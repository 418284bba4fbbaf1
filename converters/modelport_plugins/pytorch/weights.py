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


def _floats(state: Any) -> Iterable[tuple[str, Any]]:
    kept = {
        name: tensor
        for name, tensor in state.items()
        if tensor.is_floating_point() and tensor.numel()
    }
    yield from arrays(kept).items()

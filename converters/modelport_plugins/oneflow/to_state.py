"""Weights of other frameworks as a OneFlow state_dict, which ``oneflow.load(folder)`` reads."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import state
from modelport_plugins.oneflow.state_inspector import arrays
from modelport_sdk import Context, CorruptModel, UnsupportedFeature, converter, first_line


@converter(source="safetensors", target="oneflow-state", role="weights")
def safetensors_to_oneflow_state(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Write the tensors of a safetensors file as a OneFlow state_dict.

    Raises:
        CorruptModel: The file cannot be read.
        UnsupportedFeature: OneFlow has no such type, or no folder can have a tensor's name.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(str(source))
    except (SafetensorError, ValueError) as exc:
        raise CorruptModel(f"the file cannot be read: {first_line(exc)}") from exc
    _write(out, ctx, {name: _array(name, tensor) for name, tensor in tensors.items()})


@converter(source="npz", target="oneflow-state", role="weights")
def npz_to_oneflow_state(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Write the arrays of a NumPy archive as a OneFlow state_dict."""
    _write(out, ctx, arrays(source))


@converter(source="pytorch-pickle", target="oneflow-state", role="weights")
def pytorch_to_oneflow_state(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Write a PyTorch state_dict as a OneFlow state_dict; no code in the pickle runs.

    Raises:
        CorruptModel: PyTorch does not read it as weights alone, or it holds no tensor.
        UnsupportedFeature: OneFlow has no such type, or no folder can have a tensor's name.
    """
    import torch

    try:
        loaded = torch.load(str(source), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as exc:
        raise CorruptModel(f"PyTorch cannot read it as weights: {first_line(exc)}") from exc
    tensors: dict[str, Any] = {}
    _collect(loaded, "", tensors)
    if not tensors:
        raise CorruptModel("the pickle holds no tensor")
    _write(out, ctx, {name: _array(name, tensor) for name, tensor in tensors.items()})


def _collect(value: Any, name: str, into: dict[str, Any]) -> None:
    """List the tensors; a checkpoint's ``state_dict`` or ``model`` stays a part of the name."""
    if hasattr(value, "detach"):
        into[name or "tensor"] = value
    elif isinstance(value, dict):
        for key, inner in value.items():
            _collect(inner, f"{name}.{key}" if name else str(key), into)


def _array(name: str, tensor: Any) -> Any:
    try:
        return tensor.detach().cpu().resolve_conj().numpy()
    except (TypeError, RuntimeError) as exc:
        raise UnsupportedFeature(
            f"OneFlow has no type for {name}, which is {tensor.dtype}"
        ) from exc


def _write(out: Path, ctx: Context, tensors: dict[str, Any]) -> None:
    state.write(out / ctx.name, tensors)
    ctx.note(f"{len(tensors)} tensors; load them with oneflow.load({ctx.name!r})")

"""OneFlow state_dict to other files of weights, and into a graph that was sent along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import combination, state
from modelport_plugins.oneflow.state_inspector import refuse
from modelport_sdk import Context, UnsupportedFeature, converter


@converter(source="oneflow-state", target="safetensors", role="weights")
def oneflow_state_to_safetensors(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Write the tensors of a state_dict as safetensors, bit by bit the same."""
    import numpy as np
    from safetensors.numpy import save_file

    arrays = {name: np.ascontiguousarray(a) for name, a in _arrays(source).items()}
    save_file(arrays, str(out / f"{ctx.name}.safetensors"))


@converter(source="oneflow-state", target="npz", role="weights")
def oneflow_state_to_npz(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Write the tensors of a state_dict as a NumPy archive."""
    import numpy as np

    arrays = _arrays(source)
    if "file" in arrays:  # an argument of numpy.savez's own
        raise UnsupportedFeature("a tensor called 'file' cannot stand in a NumPy archive")
    np.savez(str(out / f"{ctx.name}.npz"), **arrays)


@converter(source="oneflow-state", target="pytorch-pickle", role="weights")
def oneflow_state_to_pytorch(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Write a state_dict that ``torch.load(path, weights_only=True)`` reads."""
    from collections import OrderedDict

    import torch

    arrays = _arrays(source)
    tensors = OrderedDict((name, torch.from_numpy(a.copy())) for name, a in arrays.items())
    torch.save(tensors, str(out / f"{ctx.name}.pth"))


@converter(source="oneflow-state", target="onnx")
def oneflow_state_to_onnx(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Put the weights into the ONNX graph that was sent with them.

    Raises:
        WeightsOnly: None was sent.
        UnsupportedFeature: A weight has no counterpart in it, or the graph is TorchScript.
    """
    from modelport_onnx import graph as graphs

    model = combination.load(_graph(source, ".onnx"))
    count = combination.put(model, _arrays(source))
    ctx.note(f"{count} weights of the graph were replaced by OneFlow's")
    graphs.save(model, out / f"{ctx.name}.onnx")


@converter(source="oneflow-state", target="torchscript")
def oneflow_state_to_torchscript(source: Path, out: Path, options: Any, ctx: Context) -> None:
    """Put the weights into the TorchScript module that was sent with them.

    Raises:
        WeightsOnly: None was sent.
        UnsupportedFeature: A weight has no counterpart in it, or the graph is ONNX.
    """
    import torch

    module = torch.jit.load(str(_graph(source, ".pt")), map_location="cpu")
    held = module.state_dict()
    arrays = _arrays(source)
    counted = {name: a for name, a in arrays.items() if not name.endswith(combination.IDLE)}
    combination.check({name: tuple(t.shape) for name, t in held.items()}, counted)
    with torch.no_grad():
        for name, array in counted.items():
            held[name].copy_(torch.from_numpy(array.copy()))
    ctx.note(f"{len(counted)} weights of the graph were replaced by OneFlow's")
    module.save(str(out / f"{ctx.name}.pt"))


def _graph(source: Path, suffix: str) -> Path:
    path = combination.graph(source)
    if path is None:
        refuse(state.shapes(source), "folder")
    if path.suffix.lower() != suffix:
        raise UnsupportedFeature(f"the graph that was sent along is {path.name}")
    return path


def _arrays(source: Path) -> dict[str, Any]:
    return state.read(source)

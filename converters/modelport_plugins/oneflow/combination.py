"""A graph of another framework, with OneFlow's weights put in by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_sdk import CorruptModel, UnsupportedFeature

LISTED = 5
# Counters of BatchNorm that no inference reads, and exporters to ONNX drop.
IDLE = ("num_batches_tracked",)


def graph(source: Path) -> Path | None:
    """Return the graph beside the weights; None where there is none.

    Raises:
        UnsupportedFeature: There are several.
    """
    found = sorted(
        path for path in source.parent.iterdir() if path.suffix.lower() in {".onnx", ".pt"}
    )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UnsupportedFeature(f"there are several graphs: {names}", hint="Send one of them.")
    return found[0] if found else None


def ports(path: Path) -> tuple[list[Any], list[Any], dict[str, int]]:
    """Return inputs, outputs and operators of an ONNX graph; nothing of a TorchScript file."""
    if path.suffix.lower() != ".onnx":
        return [], [], {}
    from modelport_onnx import graph as graphs
    from modelport_onnx.signature import port

    model = load(path)
    inputs = [{**port(value), "hints": {}} for value in graphs.graph_inputs(model)]
    outputs = [port(value) for value in model.graph.output]
    return inputs, outputs, graphs.operator_counts(model)


def load(path: Path) -> Any:
    """Return the ONNX model.

    Raises:
        CorruptModel: It cannot be read.
    """
    from google.protobuf.message import DecodeError

    from modelport_onnx import graph as graphs

    try:
        return graphs.load(path)
    except (DecodeError, OSError, ValueError) as exc:
        raise CorruptModel(f"{path.name} cannot be read as ONNX") from exc


def put(model: Any, arrays: Mapping[str, Any]) -> int:
    """Replace the initialisers of ``model`` by arrays of the same names; return how many.

    Raises:
        UnsupportedFeature: An array has no counterpart in the graph, or another shape.
    """
    from onnx import numpy_helper

    wanted = {name: a for name, a in arrays.items() if not name.endswith(IDLE)}
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    check({name: tuple(tensor.dims) for name, tensor in held.items()}, wanted)
    for name, array in wanted.items():
        held[name].CopyFrom(numpy_helper.from_array(array, name))
    return len(wanted)


def check(held: Mapping[str, tuple[int, ...]], wanted: Mapping[str, Any]) -> None:
    """Refuse weights that the graph has no place for.

    Raises:
        UnsupportedFeature: With the names of the first few.
    """
    missing = [name for name in wanted if name not in held]
    if missing:
        some = ", ".join(missing[:LISTED]) + (", ..." if len(missing) > LISTED else "")
        raise UnsupportedFeature(
            f"{len(missing)} of {len(wanted)} weights have no counterpart in the graph: {some}",
            hint="Export the graph with its parameters' names and without folding constants: "
            "torch.onnx.export(..., training=TrainingMode.PRESERVE, do_constant_folding=False, "
            "keep_initializers_as_inputs=False).",
        )
    other = [name for name, array in wanted.items() if held[name] != tuple(array.shape)]
    if other:
        name = other[0]
        raise UnsupportedFeature(
            f"{name} is of shape {tuple(wanted[name].shape)} in the weights, "
            f"and {held[name]} in the graph"
        )

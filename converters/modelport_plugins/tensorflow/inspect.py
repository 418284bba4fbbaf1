"""What is in a TensorFlow or Keras model: TensorFlow loads it, after it was looked through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow import program
from modelport_sdk import Context, inspector


@inspector(format="savedmodel", env="tensorflow")
def inspect_saved_model(source: Path, ctx: Context) -> dict[str, Any]:
    """Return the description of docs/protocol.md, for the default signature."""
    return _described("savedmodel", program.load(source, ctx))


@inspector(format="tf-graph", env="tensorflow")
def inspect_graph(source: Path, ctx: Context) -> dict[str, Any]:
    """Return the description; outputs are the nodes that no other reads."""
    return _described("tf-graph", program.load(source, ctx))


@inspector(format="keras", env="tensorflow")
def inspect_keras(source: Path, ctx: Context) -> dict[str, Any]:
    """Return the description of the traced model."""
    return _described("keras", program.load(source, ctx))


@inspector(format="keras-h5", env="tensorflow")
def inspect_keras_h5(source: Path, ctx: Context) -> dict[str, Any]:
    """Return the description of the traced model."""
    return _described("keras-h5", program.load(source, ctx))


def _described(format: str, loaded: program.Program) -> dict[str, Any]:
    counts = {k: n for k, n in loaded.operators.most_common() if k not in ("Const", "NoOp")}
    return {
        "format": format,
        "inputs": [_port(name, one) for name, one in loaded.inputs.items()],
        "outputs": [_port(name, one) for name, one in loaded.outputs.items()],
        "operators": counts,
        "parameters": _parameters(loaded),
        "opsets": {},
        "producer": loaded.producer,
        "nodes": sum(counts.values()),
        "metadata": {},
        "details": {},
    }


def _port(name: str, tensor: Any) -> dict[str, Any]:
    known = tensor.shape.rank is not None
    shape = [None if size is None else int(size) for size in tensor.shape] if known else None
    return {"name": name, "dtype": tensor.dtype.name, "shape": shape, "hints": {}}


def _parameters(loaded: program.Program) -> dict[str, int]:
    counts: dict[str, int] = {}
    for variable in loaded.concrete.graph.variables:
        kind = variable.dtype.base_dtype.name
        counts[kind] = counts.get(kind, 0) + int(variable.shape.num_elements() or 0)
    return counts

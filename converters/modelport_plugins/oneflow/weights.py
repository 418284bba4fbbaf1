"""Lists OneFlow's weights, for the comparison of weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import state, variable
from modelport_plugins.oneflow.code_inspector import weights as folder
from modelport_plugins.oneflow.mlir import read
from modelport_plugins.oneflow.state_inspector import arrays
from modelport_sdk import Context, weights


@weights(format="oneflow")
def read_graph(source: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Return the graph's variables."""
    for operation in read(source):
        if operation.kind == "variable":
            yield from _float(operation.name, variable.load(source.parent, operation.name))


@weights(format="oneflow-state")
def read_state(source: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Return the state_dict's tensors."""
    for name, at in state.folders(source).items():
        yield from _float(name, variable.load(source.parent, at))


@weights(format="oneflow-code")
def read_code(source: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Return the tensors of the folder beside a model.py."""
    yield from read_state.read(folder(source), ctx)


@weights(format="npz")
def read_numpy(source: Path, ctx: Context) -> Iterable[tuple[str, Any]]:
    """Return the arrays of the archive."""
    for name, array in arrays(source).items():
        yield from _float(name, array)


def _float(name: str, array: Any) -> Iterable[tuple[str, Any]]:
    if array.dtype.kind == "f" and array.size:
        yield name, array

"""What is in a folder of weights: names, shapes and types; no values are read."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from modelport_plugins.oneflow import combination, state
from modelport_sdk import Context, CorruptModel, WeightsOnly, inspector

HINT = (
    "Send a graph of the same architecture in one archive with it: net.onnx or a TorchScript "
    "net.pt; or convert the weights alone, to safetensors, npz, pytorch-pickle or oneflow-state."
)


@inspector(format="oneflow-state")
def inspect_state(source: Path, ctx: Context) -> dict[str, Any]:
    """Describe weights and the graph that was sent along.

    Raises:
        WeightsOnly: There is none.
        UnsafeModel: It is a pickled module; its class is named.
        CorruptModel: A tensor is missing, outside of the folder, or of another size.
    """
    found = state.shapes(source)
    graph = combination.graph(source)
    if graph is None:
        refuse(found, "folder")
    inputs, outputs, operators = combination.ports(graph)
    return {
        "format": "oneflow-state",
        "inputs": inputs,
        "outputs": outputs,
        "operators": operators,
        "parameters": _elements(found),
        "opsets": {},
        "producer": "OneFlow",
        "nodes": sum(operators.values()),
        "metadata": {},
        "details": {"tensors": len(found), "graph": graph.name},
    }


@inspector(format="npz")
def inspect_numpy(source: Path, ctx: Context) -> dict[str, Any]:
    """Refuse: arrays alone are no model.

    Raises:
        WeightsOnly: Always, with the number of arrays.
        CorruptModel: It cannot be read, or holds Python objects.
    """
    found = {name: (array.shape, array.dtype.name) for name, array in arrays(source).items()}
    refuse(found, "file")


def arrays(source: Path) -> dict[str, Any]:
    """Return the arrays of an ``.npz`` by name; nothing is unpickled.

    Raises:
        CorruptModel: It cannot be read, or holds Python objects.
    """
    import zipfile

    import numpy as np

    try:
        _check(source)
        with np.load(str(source), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as exc:
        raise CorruptModel("the .npz is damaged, or holds Python objects") from exc


def _check(source: Path) -> None:
    """Compare sizes with what is there: NumPy makes room for an array on its header's word.

    Raises:
        ValueError: An array says that it is larger than its member.
    """
    import zipfile

    from numpy.lib import format as layout

    headers = {1: layout.read_array_header_1_0, 2: layout.read_array_header_2_0}
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                major, _ = layout.read_magic(member)
                if major in headers:  # the third is for names of fields, which weights have not
                    shape, _, kind = headers[major](member)
                    if (
                        min(shape, default=0) < 0
                        or math.prod(shape) * kind.itemsize > info.file_size
                    ):
                        raise ValueError(info.filename)


def refuse(found: dict[str, tuple[tuple[int, ...], str]], what: str) -> NoReturn:
    """Raise WeightsOnly with the number of tensors and parameters."""
    counts = ", ".join(f"{count} {kind}" for kind, count in _elements(found).items())
    raise WeightsOnly(
        f"the {what} holds {len(found)} tensors with {counts} parameters, and no graph", hint=HINT
    )


def _elements(found: dict[str, tuple[tuple[int, ...], str]]) -> dict[str, int]:
    elements: Counter[str] = Counter()
    for shape, kind in found.values():
        elements[kind] += math.prod(shape)
    return dict(elements)

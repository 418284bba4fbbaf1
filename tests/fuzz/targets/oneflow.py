"""What is read of OneFlow's files in Python: the text of a graph, the pickle of a state_dict."""

from __future__ import annotations

from shelf import room

from modelport_plugins.oneflow import mlir, pickled
from modelport_sdk import PluginError


def target(data: bytes) -> None:
    """Read both; only a plugin's typed errors may come out."""
    with room() as folder:
        path = folder / "model.mlir"
        path.write_bytes(data)
        try:
            operations = mlir.read(path)
        except PluginError:
            operations = []
        for one in operations[:-1]:
            assert len(one.results) == len(one.result_types)
    try:
        found = pickled.tensors(data)
    except PluginError:
        return
    assert found
    assert all(isinstance(text, str) for pair in found.items() for text in pair)

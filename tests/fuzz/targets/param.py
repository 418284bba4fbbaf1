"""NCNN's ``.param``: what is read is written and read again as the same layers."""

from __future__ import annotations

from shelf import room

from modelport_plugins.ncnn import param
from modelport_plugins.ncnn.inspect import description
from modelport_sdk import PluginError


def target(data: bytes) -> None:
    """Read; only CorruptModel may come out."""
    with room() as folder:
        path = folder / "net.param"
        path.write_bytes(data)
        try:
            layers = param.read(path)
        except PluginError:
            return
        told = description(layers)
        assert all(
            size is None or size > 0 for row in told["inputs"] for size in row["shape"] or ()
        )
        assert sum(param.counts(layers).values()) <= len(layers)
        param.write(layers, path)
        assert param.read(path) == layers

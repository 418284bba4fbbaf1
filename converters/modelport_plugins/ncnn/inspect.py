"""What is in an NCNN model, read from the text of its ``.param``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from modelport_plugins.ncnn import param
from modelport_plugins.ncnn.runtime import open_net
from modelport_sdk import Context, inspector

SIZE = re.compile(r"[1-9][0-9]{0,9}\Z")  # ncnn reads them into an int
SIZES = (("2", "c"), ("11", "d"), ("1", "h"), ("0", "w"))  # parameters of layer Input


@inspector(format="ncnn")
def inspect(source: Path, ctx: Context) -> dict[str, Any]:
    """Return blobs fed and blobs left over, and the layers by type.

    An NCNN model says little about itself: no types, no batch, and sizes only where the
    Input layer has them.

    Raises:
        CorruptModel: The ``.param`` is damaged, or ncnn does not load it with its ``.bin``.
    """
    layers = param.read(source)
    weights = source.with_suffix(".bin")
    param.check_weights(layers, weights.stat().st_size if weights.is_file() else 0)
    open_net(source, "plain", ctx.threads)
    return description(layers)


def description(layers: list[param.Layer]) -> dict[str, Any]:
    """Return what the layers say of the model."""
    fed = [layer for layer in layers if layer.type == "Input"]
    counts = param.counts(layers)
    return {
        "format": "ncnn",
        "inputs": [
            {"name": layer.tops[0], "dtype": "float32", "shape": _shape(layer), "hints": {}}
            for layer in fed
            if layer.tops
        ],
        "outputs": [
            {"name": name, "dtype": "float32", "shape": None, "hints": {}}
            for name in param.outputs(layers)
        ],
        "operators": counts,
        "parameters": {},
        "opsets": {},
        "producer": "NCNN",
        "nodes": sum(counts.values()),
        "metadata": {},
        "details": {"layout": "c, d, h, w without a batch"},
    }


def _shape(layer: param.Layer) -> list[int | None] | None:
    given = dict(item.split("=", 1) for item in layer.parameters if "=" in item)
    sizes = [given[key] for key, _ in SIZES if key in given]
    return [int(size) if SIZE.match(size) else None for size in sizes] or None

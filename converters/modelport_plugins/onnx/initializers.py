"""Weights in Constant nodes made initialisers, for tools that look nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_onnx import external, rewrite
from modelport_onnx import graph as graphs
from modelport_sdk import Context


def prepared(source: Path, model: Any, ctx: Context) -> Path:
    """Return a file with the weights of ``source`` as initialisers: itself, or a copy.

    ``model`` is ``source`` loaded without weights. External data never sits in Constant
    nodes as exporters write it, and such models are too large for a copy.
    """
    if external.entries(model) or "Constant" not in graphs.operator_counts(model):
        return source
    copy = graphs.load(source)
    rewrite.constants_to_initializers(copy)
    ctx.scratch.mkdir(exist_ok=True)
    path = ctx.scratch / "prepared.onnx"
    graphs.save(copy, path)
    return path

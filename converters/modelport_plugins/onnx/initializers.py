"""A copy for ONNX Runtime's quantiser, which writes beside its source and skips Constant nodes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from modelport_onnx import external, rewrite
from modelport_onnx import graph as graphs
from modelport_sdk import Context


def prepared(source: Path, model: Any, ctx: Context) -> Path:
    """Return a copy of ``source`` with its weights as initialisers, in a folder to write in.

    ``model`` is ``source`` loaded without weights. The quantiser puts ``NAME-inferred.onnx``
    beside the file that it reads, and a job cannot write to its source's folder. External data
    never sits in Constant nodes as exporters write it, so that such a model is copied as it is.
    """
    folder = ctx.scratch / "prepared"
    folder.mkdir(parents=True)
    path = folder / source.name
    if names := external.files(model):
        for name in (source.name, *names):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.parent / name, folder / name)
        return path
    copy = graphs.load(source)
    if "Constant" in graphs.operator_counts(model):
        rewrite.constants_to_initializers(copy)
    graphs.save(copy, path)
    return path

"""The digest of the code that made a record, so that later code can be told from it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import modelport_plugins

SHARED = ("onnx", "../modelport", "../modelport_onnx", "../modelport_sdk")
FOLDERS = {"ort": "onnx", "torchscript": "pytorch", "pt2": "pytorch"}


@cache
def code(target: str) -> str:
    """Return the digest of the code that a conversion to ``target`` passes through."""
    plugins = Path(modelport_plugins.__file__).parent
    format = target.partition(".")[0]
    digest = hashlib.sha256()
    for folder in sorted({*SHARED, FOLDERS.get(format, format)}):
        for path in sorted((plugins / folder).resolve().rglob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]

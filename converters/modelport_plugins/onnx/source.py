"""Reads an ONNX file, or says what it looks like instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_onnx import budget, external
from modelport_onnx import graph as graphs
from modelport_plugins.onnx.format import BYTES, fields
from modelport_sdk import CorruptModel

# First bytes of what people send by mistake, and its name.
LOOKALIKES = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89HDF", "an HDF5 file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)
HINTS = {
    "a Git LFS pointer, not the file itself": "Fetch the file with `git lfs pull` and send that.",
    "a web page": "Download the file itself, not the page about it.",
    "a zip archive": "Send the zip under its own name.",
}


def read(path: Path, *, weights: bool = True) -> Any:
    """Return the ``ModelProto`` in ``path``, external data included if ``weights``.

    Raises:
        CorruptModel: It is empty, cut short, something else, or lacks a data file.
        UnsupportedFeature: It stands for more nodes or larger tensors than tools can handle.
    """
    from google.protobuf.message import DecodeError

    try:
        model = graphs.load(path, weights=False)
    except DecodeError as exc:
        raise unreadable(path) from exc
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise unreadable(path)
    external.check(model, path.parent, path.name)
    budget.check(model)
    if weights and external.entries(model):
        model = graphs.load(path)
    return model


def unreadable(path: Path) -> CorruptModel:
    """Return the error that says what ``path`` looks like."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        first = stream.read(65_536)
    if not size:
        return CorruptModel(f"{path.name} is empty", hint="Send the file again.")
    for magic, words in LOOKALIKES:
        if first.lstrip().startswith(magic):
            return CorruptModel(f"{path.name} is {words}", hint=HINTS.get(words, ""))
    end = 0
    for number, wire, value, at in fields(first):
        if not number:
            break
        end = at + (value if wire == BYTES else 0)
    if end > size:
        return CorruptModel(
            f"{path.name} is cut short: it has {size} bytes and declares {end}",
            hint="Send the file again.",
        )
    if size > 2**31 - 1:
        return CorruptModel(
            f"{path.name} has {size} bytes, and an ONNX file ends at 2 GiB",
            hint="Save the model with its weights as external data.",
        )
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in first):
        return CorruptModel(f"{path.name} is a text file, not an ONNX model")
    return CorruptModel(
        f"{path.name} is no ONNX model: its bytes do not decode", hint="Export the model again."
    )

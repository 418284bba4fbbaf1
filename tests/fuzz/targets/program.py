"""What is read of PyTorch's files before PyTorch: the JSON of a .pt2, the header of safetensors."""

from __future__ import annotations

import ast
import json
import struct

from shelf import room

from modelport_plugins.pytorch.program_guard import allowed_target, check_json, sober
from modelport_plugins.pytorch.weights_inspector import read_header
from modelport_sdk import PluginError


def target(data: bytes) -> None:
    """Judge the bytes as a header, as JSON and as an expression."""
    with room() as folder:
        path = folder / "m.safetensors"
        path.write_bytes(struct.pack("<Q", len(data)) + data + b"\0" * 64)
        try:
            tensors = {k: v for k, v in read_header(path).items() if k != "__metadata__"}
        except PluginError:
            tensors = {}
        assert all(0 <= n <= 64 for one in tensors.values() for n in one["data_offsets"])
    text = data.decode("utf-8", "replace")
    if sober(text):
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
        assert not any(isinstance(n, ast.Attribute | ast.Subscript | ast.Lambda) for n in nodes)
    if allowed_target(text):
        assert "__" not in text or not text.startswith(("torch", "_operator", "math"))
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        check_json(tree)
    except PluginError as refusal:
        assert len(str(refusal)) < 400

"""What plugins read of a graph's file in front of its framework: OpenVINO's .xml, an .mnn."""

from __future__ import annotations

import itertools

from shelf import room

from modelport_plugins.mnn import flatbuffer
from modelport_plugins.openvino.guard import check_ir
from modelport_sdk import PluginError

WEIGHTS = 64
OPERATORS = 10_000


def target(data: bytes) -> None:
    """Check the text as an IR beside weights of 64 bytes, then the bytes as a flatbuffer."""
    with room() as folder:
        path = folder / "m.xml"
        path.write_bytes(data)
        path.with_suffix(".bin").write_bytes(bytes(WEIGHTS))
        try:
            check_ir(path)
        except PluginError as refusal:
            assert len(str(refusal)) < 400
        else:
            assert b"<!DOCTYPE" not in data.partition(b"<net")[0]
    try:
        kinds = list(itertools.islice(flatbuffer.op_types(data), OPERATORS))
    except flatbuffer.Malformed:
        return
    assert all(isinstance(kind, int) for kind in kinds)

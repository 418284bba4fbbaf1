"""MNN: one flatbuffer; above 2 GiB a ``.weight`` file beside it.

The file has no magic number, so the layout of its root table has to do.
"""

from __future__ import annotations

import re

from modelport_plugins.mnn import flatbuffer
from modelport_sdk import Format, Head

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def match(head: Head) -> float:
    """Return 1.0 for a Net table with MNN's uuid or under the suffix, 0.5 without, 0.1 by suffix.

    Bytes 4 to 8 of a flatbuffer may be an identifier of four letters (``TFL3``, ``ORTM``);
    MNN writes none.
    """
    suffix = head.name.endswith(".mnn")
    data = head.first
    try:
        if re.fullmatch(rb"[A-Z0-9_]{4}", data[4:8]) or not _is_net(data, head.size or len(data)):
            return 0.1 if suffix else 0.0
        uuid = flatbuffer.field(data, flatbuffer.root(data), flatbuffer.NET["uuid"])
        known = bool(uuid and UUID.fullmatch(flatbuffer.text(data, uuid)))
    except flatbuffer.Malformed:
        return 0.1 if suffix else 0.0
    return 1.0 if known or suffix else 0.5


def _is_net(data: bytes, size: int) -> bool:
    """Tell whether the root has operators and tensor names, both inside of the file."""
    net = flatbuffer.root(data)
    ends = [
        flatbuffer.target(data, at)
        for at in (
            flatbuffer.field(data, net, flatbuffer.NET[key]) for key in ("oplists", "tensorName")
        )
        if at
    ]
    return len(ends) == 2 and all(0 < end < size for end in ends)


def weights(name: str, data: bytes) -> tuple[str, ...]:
    """Return the name of the weights that stand outside of the file ``name``, if any do."""
    return (name + ".weight",)


MNN = Format("mnn", "MNN", match, main="*.mnn", parts=("*.mnn.weight",), beside=weights)

"""OpenVINO IR: an ``.xml`` (the graph) with a ``.bin`` (the weights).

Source: openvino 2026.4, ``src/core/src/pass/serialize.cpp``: the root is ``<net name version>``,
the first child ``<layers>``. Versions 10 and 11 are read by today's OpenVINO.
"""

from __future__ import annotations

import re

from modelport_sdk import Format, Head

# Up to the next "<" only: a file of many "<net" would else be searched to its end for each.
ROOT = re.compile(rb"<net\b[^<>]*\bversion=")
LAYERS = re.compile(rb"<layers\b")


def match(head: Head) -> float:
    """Return 1.0 for ``<net version=...>`` with ``<layers>``, 0.7 for the root alone."""
    start = head.first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"<") or not ROOT.search(head.first):
        return 0.0
    return 1.0 if LAYERS.search(head.first) else 0.7


def weights(name: str, data: bytes) -> tuple[str, ...]:
    """Return the name of the weights that belong to the graph file ``name``."""
    return (name.rpartition(".")[0] + ".bin",)


OPENVINO = Format(
    "openvino", "OpenVINO", match, main="*.xml", parts=("*.bin",), needs=("*.bin",), beside=weights
)

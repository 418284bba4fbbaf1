"""NCNN: a text ``.param`` (the graph) with a ``.bin`` (the weights).

Source: Tencent/ncnn, wiki "param-and-model-file-structure": the first line is 7767517.
"""

from __future__ import annotations

from modelport_sdk import Format, Head

MAGIC = b"7767517"


def match(head: Head) -> float:
    """Return 1.0 if the first line is the magic number, 0.2 on the suffix alone."""
    if head.first.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip() == MAGIC:
        return 1.0
    return 0.2 if head.name.endswith(".param") else 0.0


def weights(name: str, data: bytes) -> tuple[str, ...]:
    """Return the name of the weights that belong to the graph file ``name``."""
    return (name.rpartition(".")[0] + ".bin",)


NCNN = Format(
    "ncnn", "NCNN", match, main="*.param", parts=("*.bin",), needs=("*.bin",), beside=weights
)

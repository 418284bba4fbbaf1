"""What can be told of a ``.nb`` without running it: its operators and who wrote it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.paddle.lite import format
from modelport_sdk import Context, CorruptModel, inspector


@inspector(format="paddle-lite")
def inspect_arm(source: Path, ctx: Context) -> dict[str, Any]:
    """Return the operators; ports are not read.

    Raises:
        CorruptModel: It is no naive buffer.
    """
    return described(source, "paddle-lite")


@inspector(format="paddle-lite-x86")
def inspect_x86(source: Path, ctx: Context) -> dict[str, Any]:
    """Return the operators; ports are not read.

    Raises:
        CorruptModel: It is no naive buffer.
    """
    return described(source, "paddle-lite-x86")


def described(source: Path, name: str) -> dict[str, Any]:
    """Return the kinds of operators that a kernel is named for, and how often each is."""
    data = source.read_bytes()
    if not format.HEAD.match(data[:64]):
        raise CorruptModel("this is no model of Paddle-Lite")
    counts = Counter(str(kind, "ascii") for kind in format.OPERATOR.findall(data))
    version = data[2:18].partition(b"\0")[0].decode("ascii", "replace")
    return {
        "format": name,
        "inputs": [],
        "outputs": [],
        "operators": dict(counts.most_common()),
        "parameters": {},
        "opsets": {},
        "producer": f"Paddle-Lite {version}",
        "nodes": sum(counts.values()),
        "metadata": {},
        "details": {},
    }

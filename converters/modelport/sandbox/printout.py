"""What a job has printed, fit to be kept: no longer than anybody reads, and nothing to obey."""

from __future__ import annotations

import os
from pathlib import Path

from modelport.errors import PluginBug
from modelport.sandbox.delivery import opened
from modelport.text import printed

HALF = 2 << 20
"""Bytes kept of the beginning, and of the end, of a log; between them, only their number."""


def printout(job: Path) -> str:
    """Return the job's log, printable; "" where it has none."""
    try:
        with opened(job, "log.txt") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            head = stream.read(HALF)
            left_out = max(0, size - 2 * HALF)
            stream.seek(HALF + left_out)
            rest = stream.read(HALF)
    except (PluginBug, OSError):
        return ""
    gap = f"\n[{left_out} bytes left out]\n".encode() if left_out else b""
    return printed((head + gap + rest).decode("utf-8", "replace"))

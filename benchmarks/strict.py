"""Rows of the scoreboard under limits that are too strict: what is said must name the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.cell import Job

MODEL, TARGET = "onnx-light-bvlc-alexnet", "openvino"
"""The largest model of the corpus, 244 MB: the conversion takes a minute and a gigabyte."""

SECONDS, MEMORY = 1.0, 200 << 20
WANTED = {f"{SECONDS:.0f} s": "timed-out", f"{MEMORY >> 20} MiB": "out-of-memory"}
"""What has to come of it, by the limit of one step."""


def strict(job: Job, results: Path) -> list[Job]:
    """Return ``job`` under each of the limits, in the order of ``WANTED``."""
    slow = replace(job, seconds=SECONDS, place=str(results / "strict--seconds.json"))
    small = replace(job, memory=MEMORY, place=str(results / "strict--memory.json"))
    return [replace(slow, key=f"{job.key}-slow"), replace(small, key=f"{job.key}-small")]


def lines(cells: Sequence[dict[str, Any]]) -> list[str]:
    """Return the lines of the page on the cells of ``strict``."""
    if not cells:
        return []
    return [
        "",
        "## Under stricter limits",
        "",
        "| model | target | limit of a step | has to be | is | said |",
        "|---|---|---|---|---|---|",
        *(
            f"| {cell['model']} | {cell['target']} | {limit} | `{wanted}` | `{cell['outcome']}` | "
            f"{cell['reason']} |"
            for cell, (limit, wanted) in zip(cells, WANTED.items(), strict=True)
        ),
    ]


def missed(cells: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a limit was answered with anything but its name."""
    return bool(cells) and [cell["outcome"] for cell in cells] != [*WANTED.values()]

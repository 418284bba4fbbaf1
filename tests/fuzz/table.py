"""The table of the last run in docs/fuzzing.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

ROW = re.compile(r"^\| `(\w+)` \|(?: \S+ \|){6}$", re.MULTILINE)


class Run(Protocol):
    """One target's run, as run.py has it."""

    target: str
    seconds: int
    executions: int
    edges: int
    features: int
    memory: int
    finds: tuple[str, ...]


def line(run: Run) -> str:
    """Return the row of ``run``."""
    counts = (run.seconds, run.executions, run.edges, run.features, len(run.finds), run.memory)
    return f"| `{run.target}` | " + " | ".join(f"{count:,}" for count in counts) + " |"


def write(page: Path, runs: Sequence[Run]) -> None:
    """Replace the rows of ``runs`` in the table of ``page``; those of other targets stay."""
    new = {run.target: line(run) for run in runs}
    text = page.read_text("utf-8")
    page.write_text(ROW.sub(lambda row: new.get(row[1], row[0]), text), "utf-8")

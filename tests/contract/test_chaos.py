"""The chaos test in its short form; ``make chaos`` is the long one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.postgres import missing

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_nothing_is_lost_stuck_or_told_twice(database: str) -> None:
    if database == "postgres" and (reason := missing()):
        pytest.skip(reason)
    command = [sys.executable, "-m", "tests.chaos.run", "--jobs", "30", "--pause", "2"]
    done = subprocess.run(
        [*command, "--limit", "240", "--database", database],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = json.loads(done.stdout.splitlines()[-1])
    assert sum(told["kills"].values()) > 0

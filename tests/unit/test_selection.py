"""``pytest --env NAME``: what `make test-env` runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def collected(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.env("base")
def test_only_those_that_need_it_are_kept() -> None:
    done = collected("--env", "base", "tests/unit/test_selection.py", "tests/unit/test_proof.py")
    names = [line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line]
    assert names == ["test_only_those_that_need_it_are_kept"]


def test_an_unknown_environment_is_named_with_those_there_are() -> None:
    done = collected("--env", "nothing", "tests/unit/test_selection.py")
    assert done.returncode != 0
    assert "no environment nothing; there are: base" in done.stdout + done.stderr

"""Small PyTorch models through every edge of the plugin: numbers, and refusals by name."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "pytorch"
ROWS = tomllib.loads((CORPUS / "rows.toml").read_text("utf-8"))["row"]


@pytest.fixture(scope="module")
def answers(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("pytorch")
    argv = [str(base_python), "-B", str(CORPUS / "checks.py"), str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "answer.json").read_text("utf-8"))


@pytest.mark.env("base")
@pytest.mark.parametrize(
    "index", range(len(ROWS)), ids=[f"{row['source']}-{row['target']}" for row in ROWS]
)
def test_row(index: int, answers: list[dict[str, Any]]) -> None:
    assert answers[index] == ROWS[index]["expect"]

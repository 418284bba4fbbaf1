"""Small ONNX models through every edge to MNN: numbers by ONNX Runtime, refusals by name."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
ROWS = tomllib.loads((CORPUS / "mnn" / "rows.toml").read_text("utf-8"))["row"]


@pytest.fixture(scope="module")
def answers(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("mnn")
    argv = [str(base_python), "-B", str(CORPUS / "targets.py"), "mnn", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "answer.json").read_text("utf-8"))


@pytest.mark.env("base")
@pytest.mark.parametrize("row", ROWS, ids=[row["source"] for row in ROWS])
def test_row(row: dict[str, Any], answers: dict[str, Any]) -> None:
    answer = answers[row["source"].partition(":")[2]]
    found: dict[str, Any] = {
        "verdict": "verified" if answer.get("excess", 2.0) < 1.0 else "different"
    }
    if "error" in answer:
        found = {"error": answer["error"], "operators": answer["operators"]}
    assert found == row["expect"]

"""Small TFLite models to ONNX: LiteRT's outputs against ONNX Runtime's, refusals by name."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from modelport.engine import House

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "tensorflow"
ROWS = tomllib.loads((CORPUS / "rows.toml").read_text("utf-8"))["row"]
FROM = [row for row in ROWS if row["source"].startswith("tflite:")]
NEEDED = [pytest.mark.env("base"), pytest.mark.env("litert"), pytest.mark.env("tensorflow")]
pytestmark = NEEDED


def run(house: House, environment: str, script: str, *words: object) -> None:
    argv = [house.envs.python(environment), "-B", CORPUS / script, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def answers(house: House, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tflite")
    run(house, "litert", "lite_models.py", folder)
    run(house, "tensorflow", "convert.py", "lite.to_onnx", "tflite_to_onnx", "tflite", folder)
    run(house, "base", "compare.py", folder)
    told = json.loads((folder / "answers.json").read_text("utf-8"))
    excess = json.loads((folder / "excess.json").read_text("utf-8"))
    return {name: {**answer, "excess": excess.get(name)} for name, answer in told.items()}


@pytest.mark.parametrize("row", FROM, ids=[row["source"] for row in FROM])
def test_row(row: dict[str, Any], answers: dict[str, Any]) -> None:
    answer = answers[row["source"].partition(":")[2]]
    found: dict[str, Any] = {"error": answer.get("error"), "operators": answer.get("operators")}
    if "error" not in answer:
        found = {"verdict": "verified" if answer["excess"] < 1.0 else "different"}
    assert found == row["expect"]

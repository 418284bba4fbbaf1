"""Small Keras, SavedModel and GraphDef models to ONNX; hostile ones are refused by name."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from modelport.engine import House

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "tensorflow"
ROWS = [
    row
    for row in tomllib.loads((CORPUS / "rows.toml").read_text("utf-8"))["row"]
    if row["source"].startswith("keras:")
]
pytestmark = [pytest.mark.env("base"), pytest.mark.env("tensorflow")]


def run(house: House, environment: str, script: str, folder: Path) -> None:
    argv = [house.envs.python(environment), "-B", CORPUS / script, folder]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def answers(house: House, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("keras")
    run(house, "tensorflow", "keras_models.py", folder)
    run(house, "tensorflow", "convert_keras.py", folder)
    run(house, "base", "compare_keras.py", folder)
    told = json.loads((folder / "answers.json").read_text("utf-8"))
    excess = json.loads((folder / "excess.json").read_text("utf-8"))
    return {name: {**answer, "excess": excess.get(name)} for name, answer in told.items()}


@pytest.mark.parametrize("row", ROWS, ids=[row["source"] for row in ROWS])
def test_row(row: dict[str, Any], answers: dict[str, Any]) -> None:
    answer = answers[row["source"].partition(":")[2]]
    found: dict[str, Any] = {"error": answer.get("error"), "operators": answer.get("operators")}
    if "error" not in answer:
        close = answer["excess"] < 1.0 and answer["ran"] < 10
        found = {"verdict": "verified" if close else "different"}
    assert found == row["expect"]


def test_outputs_keep_the_names_of_their_layers(answers: dict[str, Any]) -> None:
    assert answers["two"]["outputs"] == ["first", "second"]

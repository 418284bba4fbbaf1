"""Exported models of no other test's making, through the whole flow to every base target."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelport import engine
from modelport.engine import House
from modelport.errors import ModelportError

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "strangers"
ROWS = tomllib.loads((CORPUS / "rows.toml").read_text("utf-8"))["row"]

pytestmark = [pytest.mark.slow, pytest.mark.env("base"), pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def models(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strangers")
    argv = [str(base_python), "-B", str(CORPUS / "builders.py"), str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['source']}-{row['target']}" for row in ROWS])
def test_row(row: dict[str, Any], models: Path, tmp_path: Path, house: House) -> None:
    opened = replace(house, budget=900.0)
    request = engine.Request((models / f"{row['source'].partition(':')[2]}.onnx",), row["target"])
    try:
        answer = {"verdict": engine.convert(request, tmp_path / "work", opened).verdict.value}
    except ModelportError as exc:
        answer = {"error": exc.code, "operators": sorted(exc.operators)}
    assert answer == row["expect"]

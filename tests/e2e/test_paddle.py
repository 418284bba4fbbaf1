"""Paddle through the whole house: rows that work, rows that are refused, damaged files."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from modelport.engine import House, Request, convert
from modelport.errors import ModelportError

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "paddle"
ROWS = tomllib.loads((CORPUS / "rows.toml").read_text("utf-8"))["row"]
NEEDS = {"paddle-program": ["paddle26"], "paddle-lite": ["paddle26", "paddlelite"]}
NEEDS["paddle-lite-x86"] = NEEDS["paddle-lite"]


def marked(row: dict[str, Any]) -> Any:
    """Return the row with the environments that it needs."""
    names = ["base", "paddle", *NEEDS.get(row["target"], [])]
    marks = [pytest.mark.env(name) for name in names]
    return pytest.param(row, marks=marks, id=f"{row['source']}-{row['target']}")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, house: House) -> Path:
    """Return a folder with the ONNX models, and the programs in folders of their own."""
    folder = tmp_path_factory.mktemp("paddle")
    for env, script in (("base", "models.py"), ("paddle", "programs.py")):
        words = [house.envs.python(env), "-B", CORPUS / script, folder]
        subprocess.run(words, check=True, capture_output=True)
    return folder


def files(models: Path, name: str) -> tuple[Path, ...]:
    """Return the files of one model: ``"onnx:NAME"`` or ``"paddle:NAME"``."""
    kind, _, stem = name.partition(":")
    if kind == "onnx":
        return (models / f"{stem}.onnx",)
    return tuple(models / stem / f"model.{end}" for end in ("json", "pdiparams"))


@pytest.mark.parametrize("row", [marked(row) for row in ROWS])
def test_row(row: dict[str, Any], models: Path, tmp_path: Path, house: House) -> None:
    request = Request(files(models, row["source"]), row["target"])
    try:
        done = convert(request, tmp_path / "work", house)
        found: dict[str, Any] = {"verdict": done.verdict.value}
    except ModelportError as error:
        found = {"error": error.code, "operators": sorted(error.operators)}
    assert found == row["expect"]


@pytest.mark.env("base")
@pytest.mark.env("paddle")
@pytest.mark.parametrize("case", ["weights-of-another", "weights-cut", "program-cut"])
def test_damaged_files_are_named_before_paddle_sees_them(
    case: str, models: Path, tmp_path: Path, house: House
) -> None:
    program, weights = (
        Path(shutil.copy(path, tmp_path / path.name)) for path in files(models, "paddle:net")
    )
    if case == "weights-of-another":
        shutil.copy(models / "other" / weights.name, weights)
    else:
        cut = weights if case == "weights-cut" else program
        cut.write_bytes(cut.read_bytes()[:-40])
    with pytest.raises(ModelportError) as caught:
        convert(Request((program, weights), "onnx"), tmp_path / "work", house)
    assert caught.value.code == "corrupt-model"


@pytest.mark.env("base")
@pytest.mark.env("paddle")
def test_weights_alone_are_refused(models: Path, tmp_path: Path, house: House) -> None:
    alone = files(models, "paddle:net")[1]
    with pytest.raises(ModelportError) as caught:
        convert(Request((alone,), "onnx"), tmp_path / "work", house)
    assert caught.value.code == "weights-only"

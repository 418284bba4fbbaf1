"""Small models from and to TFLite: LiteRT against ONNX Runtime, refusals by name."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from modelport.engine import House

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "tensorflow"
SIDES = ("inputs", "outputs")
ROWS = tomllib.loads((CORPUS / "rows.toml").read_text("utf-8"))["row"]
FROM = [row for row in ROWS if row["source"].startswith("tflite:")]
TO = [row for row in ROWS if row["target"] == "tflite"]
FITTING = [row for row in TO if "verdict" in row["expect"]]
# One case holds a plain float32 result to ten roundings of the output's scale, as elsewhere; with
# weights as float16 a rounding is 2^-11, so that ten of them are 40,000 of these.
SINGLE, HALF = 10, 40_000


def run(house: House, environment: str, script: str, *words: object) -> None:
    argv = [house.envs.python(environment), "-B", CORPUS / script, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def answered(folder: Path) -> dict[str, Any]:
    told = json.loads((folder / "answers.json").read_text("utf-8"))
    excess = json.loads((folder / "excess.json").read_text("utf-8"))
    return {name: {**answer, "excess": excess.get(name)} for name, answer in told.items()}


def seen(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        return {"error": answer["error"], "operators": answer["operators"]}
    return {"verdict": "verified" if answer["excess"] < 1.0 else "different"}


@pytest.fixture(scope="module")
def read(house: House, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("read")
    run(house, "litert", "lite_models.py", folder)
    run(house, "tensorflow", "convert.py", "lite.to_onnx", "tflite_to_onnx", "tflite", folder)
    run(house, "base", "compare.py", folder)
    return answered(folder)


@pytest.fixture(scope="module")
def models(house: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    run(house, "base", "onnx_models.py", folder)
    return folder


def written(
    house: House, models: Path, into: Path, units: int, **options: object
) -> dict[str, Any]:
    shutil.copytree(models, into, dirs_exist_ok=True)
    words = ("writer.from_onnx", "onnx_to_tflite", "onnx", into, json.dumps(options))
    run(house, "onnx2tf", "convert.py", *words)
    run(house, "litert", "compare_lite.py", into, units)
    return answered(into)


@pytest.fixture(scope="module")
def plain(house: House, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return written(house, models, tmp_path_factory.mktemp("plain"), SINGLE)


@pytest.fixture(scope="module")
def last(house: House, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    into = tmp_path_factory.mktemp("last")
    return written(house, models, into, HALF, layout="nhwc", fp16=True)


@pytest.mark.env("base")
@pytest.mark.env("litert")
@pytest.mark.env("tensorflow")
@pytest.mark.parametrize("row", FROM, ids=[row["source"] for row in FROM])
def test_from_tflite(row: dict[str, Any], read: dict[str, Any]) -> None:
    assert seen(read[row["source"].partition(":")[2]]) == row["expect"]


@pytest.mark.env("base")
@pytest.mark.env("litert")
@pytest.mark.env("onnx2tf")
@pytest.mark.parametrize("row", TO, ids=[row["source"] for row in TO])
def test_to_tflite(row: dict[str, Any], plain: dict[str, Any]) -> None:
    assert seen(plain[row["source"].partition(":")[2]]) == row["expect"]


@pytest.mark.env("base")
@pytest.mark.env("litert")
@pytest.mark.env("onnx2tf")
@pytest.mark.parametrize("row", FITTING, ids=[row["source"] for row in FITTING])
def test_to_half_weights_with_channels_last(row: dict[str, Any], last: dict[str, Any]) -> None:
    assert seen(last[row["source"].partition(":")[2]]) == row["expect"]


@pytest.mark.env("base")
@pytest.mark.env("litert")
@pytest.mark.env("onnx2tf")
def test_the_layout_is_declared(plain: dict[str, Any], last: dict[str, Any]) -> None:
    told = [answers["cube"][side][0]["axes"] for answers in (plain, last) for side in SIDES]
    assert told == [[], [], [0, 2, 3, 1], [0, 2, 3, 1]]

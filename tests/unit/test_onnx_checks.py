"""Runs tests/corpus/onnx/checks.py once in the environment `base`; each fact is a test."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "corpus" / "onnx"
PASSES = ROOT / "converters" / "modelport_plugins" / "onnx" / "passes"
SOURCE = "".join((FOLDER / name).read_text("utf-8") for name in ("rewrites.py", "plugin.py"))
ROWS = tomllib.loads((FOLDER / "rows.toml").read_text("utf-8"))["row"]
NAMES = re.findall(r"^def (check_\w+)", SOURCE, re.MULTILINE)


@pytest.fixture(scope="module")
def found(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What failed, by check; empty text where a fact holds."""
    folder = tmp_path_factory.mktemp("onnx")
    done = subprocess.run(
        [str(base_python), str(FOLDER / "checks.py"), str(folder)],
        env={
            "PYTHONPATH": str(ROOT / "converters"),
            "PATH": "/usr/bin:/bin",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers: dict[str, str] = json.loads((folder / "checks.json").read_text("utf-8"))
    return answers


@pytest.mark.env("base")
@pytest.mark.parametrize("name", NAMES)
def test_fact(found: dict[str, str], name: str) -> None:
    assert found[name] == ""


@pytest.mark.env("base")
@pytest.mark.parametrize(
    "index", range(len(ROWS)), ids=[f"{k}-{r['source']}-{r['target']}" for k, r in enumerate(ROWS)]
)
def test_row(found: dict[str, str], index: int) -> None:
    assert found[f"row-{index}"] == ""


def test_every_pass_has_a_row_that_works_and_one_that_is_refused() -> None:
    names = {path.stem.replace("_", "-") for path in PASSES.glob("*.py")} - {"--init--"}
    works = {row["target"] for row in ROWS if "verdict" in row["expect"]}
    refused = {row["target"] for row in ROWS if "error" in row["expect"]}
    assert {f"onnx.{name}" for name in names} - works == set()
    # A rewrite that changes no number has nothing to refuse in a model that was inspected.
    assert {f"onnx.{name}" for name in names} - refused == {"onnx.normalise"}

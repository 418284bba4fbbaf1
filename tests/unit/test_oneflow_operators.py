"""Operators both ways, one small graph each, against the outputs of OneFlow 0.9.0 itself.

The graphs were made by tests/corpus/oneflow/graphs.py in the environment ``oneflow``. Each is read
as ONNX, and that is written as a model.py, which runs under PyTorch and under OneFlow.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from modelport.engine import House

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "oneflow"
CASES = sorted(json.loads((CORPUS / "cases.json").read_text("utf-8")))
# OneFlow, ONNX Runtime and PyTorch sum in other orders; a wrong operator is off by far more.
NOISE = 2e-6
UNWRITTEN = {
    "one_hot": "unsupported-operator",
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "deconv1d", "deconv2d"), "unsupported-feature"),
    "scalar_int": "unsupported-feature",
}
"""What a model.py is refused for: weights that are inputs, integers divided, OneHot."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("oneflow")
    with tarfile.open(CORPUS / "operators.tar.xz") as archive:
        archive.extractall(made, filter="data")
    return made


@pytest.fixture(scope="module")
def answers(folder: Path, base_python: Path) -> dict[str, Any]:
    argv = [str(base_python), "-B", str(CORPUS / "compare.py"), str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.env("base")
@pytest.mark.parametrize("name", CASES)
def test_a_graph_is_read(name: str, answers: dict[str, Any]) -> None:
    answer = answers["error"][name]
    assert isinstance(answer, float), answer
    assert answer < NOISE


@pytest.mark.env("base")
def test_what_no_module_is_written_for(answers: dict[str, Any]) -> None:
    refused = {name: code for name, code in answers["refused"].items() if code}
    assert refused == UNWRITTEN


@pytest.mark.env("base")
@pytest.mark.parametrize(
    "framework", ["torch", pytest.param("oneflow", marks=pytest.mark.env("oneflow"))]
)
def test_a_module_runs(
    framework: str, folder: Path, answers: dict[str, Any], tmp_path: Path
) -> None:
    house = House.open()
    python = house.envs.python("oneflow" if framework == "oneflow" else "base")
    argv = [str(python), "-B", str(CORPUS / "modules.py"), str(folder), str(tmp_path / "a.json")]
    environment = {**os.environ, "MODEL_FRAMEWORK": framework}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert set(found) == set(CASES) - set(UNWRITTEN)
    assert {n: a for n, a in found.items() if not isinstance(a, float) or a >= NOISE} == {}

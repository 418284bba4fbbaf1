"""OneFlow's operators, one small nn.Graph each, against the outputs of OneFlow 0.9.0 itself.

The graphs were made by tests/corpus/oneflow/graphs.py in the environment ``oneflow``.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "oneflow"
CASES = sorted(json.loads((CORPUS / "cases.json").read_text("utf-8")))
# OneFlow and ONNX Runtime sum in other orders; a wrong operator is off by far more.
NOISE = 2e-6


@pytest.fixture(scope="module")
def answers(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("oneflow")
    with tarfile.open(CORPUS / "operators.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    argv = [str(base_python), "-B", str(CORPUS / "compare.py"), str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.env("base")
@pytest.mark.parametrize("name", CASES)
def test_graph(name: str, answers: dict[str, Any]) -> None:
    answer = answers[name]
    assert isinstance(answer, float), answer
    assert answer < NOISE

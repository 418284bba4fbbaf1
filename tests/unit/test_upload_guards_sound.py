"""What PyTorch itself saves passes the guards, and the rules for archives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from modelport.intake import zipped

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "corpus" / "pytorch" / "guarded.py"

pytestmark = pytest.mark.env("base")


@pytest.fixture(scope="module")
def folder(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sound")
    (made / "files").mkdir()
    done = subprocess.run(
        [base_python, "-W", "ignore", SCRIPT, made / "files"],
        env={"PYTHONPATH": str(ROOT / "converters"), "PATH": "/usr/bin:/bin", "HOME": str(made)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (made / "said.json").write_text(done.stdout.splitlines()[-1], "utf-8")
    return made


def test_no_guard_objects_to_what_pytorch_saves(folder: Path) -> None:
    said = json.loads((folder / "said.json").read_text("utf-8"))
    assert len(said) == 7
    assert {name: words for name, words in said.items() if words} == {}


def test_its_archives_have_one_reading(folder: Path) -> None:
    packed = [p for p in (folder / "files").iterdir() if p.read_bytes()[:2] == b"PK"]
    assert len(packed) == 6
    for path in packed:
        zipped.check(path)

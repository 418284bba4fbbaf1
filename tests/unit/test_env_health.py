"""A broken environment is found, says why, is used for nothing, and is mended."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from modelport.envs import Envs
from modelport.errors import EnvironmentBroken, Unavailable
from modelport.model import Environment

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


def envs(root: Path, **fields: object) -> Envs:
    values: dict[str, object] = {"name": "toy", "python": OURS, "health": ("json",), **fields}
    return Envs(root, {"toy": Environment(**values)})  # type: ignore[arg-type]  # a table of fields


def test_a_broken_one_says_why_and_is_repaired(tmp_path: Path) -> None:
    some = envs(tmp_path, health=("json", "pip"))
    root = some.build("toy", lambda _: None).root
    (pip,) = root.glob("lib/python*/site-packages/pip")
    shutil.rmtree(pip)
    assert "No module named 'pip'" in some.examine("toy").reason
    assert some.examine("toy").command == "modelport env build toy"
    with pytest.raises(Unavailable, match="No module named 'pip'"):
        some.python("toy")
    assert some.repair("toy", lambda _: None).ready


def test_a_failed_build_is_broken_until_one_succeeds(tmp_path: Path) -> None:
    """The reason outlives the builder; another door shows it."""
    wrong = envs(tmp_path, python="3.99")
    with pytest.raises(EnvironmentBroken):
        wrong.build("toy", lambda _: None)
    found = wrong.status("toy")
    assert (found.state, "3.99" in found.reason) == ("broken", True)
    wrong.remove("toy")
    assert wrong.status("toy").state == "missing"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(lambda file: file.unlink(), "gone or changed", id="deleted"),
        pytest.param(lambda file: file.write_bytes(b"cut"), "gone or changed", id="cut"),
    ],
)
def test_a_file_that_no_import_reads_is_missed_too(tmp_path: Path, harm: Any, said: str) -> None:
    some = envs(tmp_path)
    root = some.build("toy", lambda _: None).root
    (file,) = root.glob("bin/Activate.ps1")
    harm(file)
    found = some.examine("toy")
    assert (found.state, said in found.reason, "Activate.ps1" in found.reason) == (
        "broken",
        True,
        True,
    )
    assert some.build("toy", lambda _: None).ready
    assert file.stat().st_size > 3


def test_a_build_mends_what_nobody_has_examined(tmp_path: Path) -> None:
    some = envs(tmp_path)
    root = some.build("toy", lambda _: None).root
    (root / "bin" / "Activate.ps1").unlink()
    some.build("toy", lambda _: None)
    assert (root / "bin" / "Activate.ps1").is_file()


def test_pip_may_be_taken_out_and_compiled_files_may_come(tmp_path: Path) -> None:
    some = envs(tmp_path)
    root = some.build("toy", lambda _: None).root
    (site,) = root.glob("lib/python*/site-packages")
    for one in site.glob("pip*"):
        shutil.rmtree(one)
    (site / "__pycache__").mkdir(exist_ok=True)
    (site / "__pycache__" / "new.pyc").write_bytes(b"x")
    assert some.examine("toy").ready

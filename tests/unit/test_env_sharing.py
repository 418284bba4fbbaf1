"""Environments share the files of equal packages by hard links, whatever installed them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from wheels import wheel

from modelport.envs import Envs
from modelport.envs.sharing import share, shared_bytes
from modelport.model import Environment

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


def packaged(root: Path, body: bytes, version: str = "1.0") -> Path:
    """Return a folder that looks like an environment with one package."""
    site = root / "lib" / "python3.11" / "site-packages"
    (site / f"six-{version}.dist-info").mkdir(parents=True)
    (site / f"six-{version}.dist-info" / "RECORD").write_text("six.py,sha256=x,1\n../../../etc,,\n")
    (site / "six.py").write_bytes(body)
    return root


def test_equal_files_of_equal_packages_are_linked(tmp_path: Path) -> None:
    one, two = packaged(tmp_path / "1", b"x" * 5000), packaged(tmp_path / "2", b"x" * 5000)
    assert share(two, [one]) == 5000
    assert shared_bytes(two) == 5000


@pytest.mark.parametrize(
    ("body", "version"),
    [
        pytest.param(b"y" * 5000, "1.0", id="other-bytes"),
        pytest.param(b"x" * 5000, "2.0", id="other-version"),
        pytest.param(b"x" * 50, "1.0", id="small"),
    ],
)
def test_other_files_are_not_linked(tmp_path: Path, body: bytes, version: str) -> None:
    one = packaged(tmp_path / "1", b"x" * 5000 if len(body) > 100 else body)
    assert share(packaged(tmp_path / "2", body, version), [one]) == 0


def test_two_environments_hold_one_copy_of_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path, "modelport_net", "1.0", padding=100_000)
    for name, value in {
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    pin, health = ("modelport-net==1.0",), ("modelport_net",)
    known = {
        "one": Environment("one", OURS, pin, health=health),
        "two": Environment("two", OURS, pin, health=("json", *health)),
    }
    some = Envs(tmp_path / "envs", known)
    roots = [some.build(name, lambda _: None).root for name in known]
    files = [next(root.glob("lib/*/site-packages/modelport_net.py")) for root in roots]
    assert files[0].stat().st_ino == files[1].stat().st_ino
    assert some.status("two").shared >= 100_000
    some.remove("one")
    assert some.examine("two").ready, "what stays does not need what goes"

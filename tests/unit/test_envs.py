"""Environments: built once, checked, and refused with the command that helps."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from modelport.envs import Envs, find_python
from modelport.errors import EnvironmentBroken, Unavailable
from modelport.model import Environment

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


def envs(root: Path, **fields: object) -> Envs:
    values: dict[str, object] = {"name": "toy", "python": OURS, "health": ("json",), **fields}
    return Envs(root, {"toy": Environment(**values)})  # type: ignore[arg-type]  # a table of fields


def test_a_missing_environment_is_refused_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        envs(tmp_path).python("toy")
    assert caught.value.hint == "Run: modelport env build toy"


def test_build_makes_it_ready_and_twice_changes_nothing(tmp_path: Path) -> None:
    some = envs(tmp_path)
    first = some.build("toy", lambda _: None)
    stamp = (first.root / "ready.json").stat().st_mtime_ns
    second = some.build("toy", lambda _: None)
    assert (first.ready, second.ready, (second.root / "ready.json").stat().st_mtime_ns) == (
        True,
        True,
        stamp,
    )


def test_a_failed_health_check_leaves_it_not_ready(tmp_path: Path) -> None:
    some = envs(tmp_path, health=("no_such_module_at_all",))
    with pytest.raises(EnvironmentBroken, match="no_such_module_at_all"):
        some.build("toy", lambda _: None)
    assert not some.status("toy").ready


def test_leftovers_of_a_broken_build_are_removed(tmp_path: Path) -> None:
    some = envs(tmp_path)
    junk = some.folder("toy") / "junk"
    junk.parent.mkdir(parents=True)
    junk.touch()
    some.build("toy", lambda _: None)
    assert not junk.exists()


def test_remove_deletes_it(tmp_path: Path) -> None:
    some = envs(tmp_path)
    some.build("toy", lambda _: None)
    some.remove("toy")
    assert not some.folder("toy").exists()


def test_other_pins_are_another_folder(tmp_path: Path) -> None:
    assert envs(tmp_path).folder("toy") != envs(tmp_path, lock="six==1.16.0").folder("toy")


def test_the_builder_keeps_tools_from_reporting(tmp_path: Path) -> None:
    # The health check imports them, outside of the sandbox and with the network.
    health = (
        "os; assert os.environ['ORT_DISABLE_TELEMETRY'] == os.environ['DO_NOT_TRACK'] == '1'",
    )
    assert envs(tmp_path, health=health).build("toy", lambda _: None).ready


def test_no_interpreter_says_how_to_get_one() -> None:
    with pytest.raises(EnvironmentBroken) as caught:
        find_python("3.99")
    assert "Python 3.99" in str(caught.value)

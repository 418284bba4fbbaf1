"""Environments: built once, checked, and refused with the command that helps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modelport.envs import Envs, command, find_python, progress
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
    told = f"{caught.value} {caught.value.hint}"
    assert all(word in told for word in ("Python 3.99", "PATH", "pyenv", "uv"))


def test_two_processes_asking_for_one_build_it_once(tmp_path: Path) -> None:
    done = [started(tmp_path) for _ in range(2)]
    told = [process.communicate()[0] for process in done]
    assert [process.returncode for process in done] == [0, 0]
    assert sorted(text.count("creating") for text in told) == [0, 1]
    assert envs(tmp_path).status("toy").ready


def test_killing_the_builder_half_way_leaves_nothing_broken(tmp_path: Path) -> None:
    some = envs(tmp_path)
    process = started(tmp_path)
    while not (some.folder("toy") / "pyvenv.cfg").exists():
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert not some.status("toy").ready
    assert some.status("toy").reason == "not built"
    assert some.build("toy", lambda _: None).ready


def test_a_build_is_seen_by_others_and_waited_for(tmp_path: Path) -> None:
    some = envs(tmp_path)
    first = started(tmp_path)
    while not (some.folder("toy") / "pyvenv.cfg").exists():
        assert first.poll() is None
    assert some.status("toy").state == "building"
    told: list[str] = []
    assert some.build("toy", told.append).ready
    assert told == ["environment toy: another process works on it, waiting"]
    first.communicate()


def started(root: Path) -> subprocess.Popen[str]:
    """Start a builder in a process of its own; it prints what it tells."""
    code = (
        "from modelport.envs import Envs; from modelport.model import Environment;"
        "from pathlib import Path; import sys;"
        "toy = Environment('toy', sys.argv[2], health=('json',));"
        "some = Envs(Path(sys.argv[1]), {'toy': toy});"
        "some.build('toy', lambda news: print(news, flush=True))"
    )
    argv = [sys.executable, "-c", code, str(root), OURS]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def test_a_command_of_a_build_ends_with_the_builder(tmp_path: Path) -> None:
    """The kernel kills it: nothing goes on writing while the next builder begins."""
    sleeper = (
        "import os, time, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()));"
    )
    sleeper += "time.sleep(300)"
    code = "import sys; from modelport.envs.command import run; run(sys.argv[1:], 'toy')"
    written = tmp_path / "pid"
    argv = [sys.executable, "-c", code, sys.executable, "-c", sleeper, str(written)]
    builder = subprocess.Popen(argv)
    while not (written.exists() and written.read_text()):
        assert builder.poll() is None
    builder.kill()
    builder.wait()
    pid = int(written.read_text())
    while Path(f"/proc/{pid}").exists() and "Z" not in state_of(pid):
        pass
    assert not Path(f"/proc/{pid}").exists() or "Z" in state_of(pid)


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_progress_never_runs_backwards_and_ends_at_one(tmp_path: Path) -> None:
    told: list[float] = []
    envs(tmp_path).build("toy", lambda news: told.append(news.fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_each_package_is_told_once() -> None:
    told: list[str] = []
    heard = progress.packages("toy", 3, told.append)
    for line in (
        "Collecting six==1.17.0 (from -r requirements.txt (line 1))",
        "  Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)",
        "Collecting six==1.17.0",
        "Collecting rich==15.0.0",
        "Processing /wheels/modelport_net-1.0-py3-none-any.whl (from -r requirements.txt (line 1))",
        "Installing collected packages: six, rich",
    ):
        heard(line)
    assert [str(news).partition(": ")[2] for news in told] == [
        "package 1 of 3: six==1.17.0",
        "package 2 of 3: rich==15.0.0",
        "package 3 of 3: modelport-net==1.0",
        "unpacking",
    ]


def test_a_listener_that_has_enough_ends_the_build(tmp_path: Path) -> None:
    """A cancel comes as an error of the listener; the tool is killed, not waited for."""

    def enough(_line: str) -> None:
        raise KeyboardInterrupt

    sleeper = "import time; print('begun', flush=True); time.sleep(3000)"
    with pytest.raises(KeyboardInterrupt):
        command.run([sys.executable, "-c", sleeper], "toy", enough)


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentBroken, match="cannot be written"):
        envs(tmp_path / "file" / "envs").build("toy", lambda _: None)


def test_a_repair_builds_nothing_that_was_not_built(tmp_path: Path) -> None:
    assert not envs(tmp_path).repair("toy", lambda _: None).ready


def test_folders_of_earlier_pins_are_leftovers(tmp_path: Path) -> None:
    some = envs(tmp_path)
    old = tmp_path / "toy-0123456789ab"
    for folder in (old, tmp_path / "toy-notes", some.folder("toy")):
        folder.mkdir()
    assert some.leftovers() == (old,)

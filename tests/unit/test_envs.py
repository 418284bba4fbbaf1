"""Environments: built once, checked, and refused with the command that helps."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modelport.envs import Envs, find_python, progress
from modelport.envs.sharing import share, shared_bytes
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
    heard = progress.packages("toy", 2, told.append)
    for line in (
        "Collecting six==1.17.0 (from -r requirements.txt (line 1))",
        "  Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)",
        "Collecting six==1.17.0",
        "Collecting rich==15.0.0",
        "Installing collected packages: six, rich",
    ):
        heard(line)
    assert [str(news).partition(": ")[2] for news in told] == [
        "package 1 of 2: six==1.17.0",
        "package 2 of 2: rich==15.0.0",
        "unpacking",
    ]


def test_a_broken_one_says_why_and_is_repaired(tmp_path: Path) -> None:
    some = envs(tmp_path, health=("json", "pip"))
    root = some.build("toy", lambda _: None).root
    (pip,) = root.glob("lib/python*/site-packages/pip")
    shutil.rmtree(pip)
    assert "No module named 'pip'" in some.examine("toy").reason
    assert some.examine("toy").command == "modelport env doctor toy --repair"
    assert some.repair("toy", lambda _: None).ready


def test_a_repair_builds_nothing_that_was_not_built(tmp_path: Path) -> None:
    assert not envs(tmp_path).repair("toy", lambda _: None).ready


def test_folders_of_earlier_pins_are_leftovers(tmp_path: Path) -> None:
    some = envs(tmp_path)
    old = tmp_path / "toy-0123456789ab"
    for folder in (old, tmp_path / "toy-notes", some.folder("toy")):
        folder.mkdir()
    assert some.leftovers() == (old,)


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

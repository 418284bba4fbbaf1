"""What a job left is taken over by its descriptor: every trick is built for real."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from modelport.errors import DiskFull, ModelportError, PluginBug, WorkerDied
from modelport.sandbox import collect, default_limits, held, printout
from modelport.sandbox.answer import read
from modelport.sandbox.delivery import content
from modelport.sandbox.printout import HALF
from modelport_api.problems import NotFound
from modelport_api.storage import bundle
from modelport_api.storage.deliveries import descriptor

SECRET = "/etc/passwd"
LIMITS = dataclasses.replace(default_limits("/tmp"), files=3, disk=4096)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "job" / "out" / "sub").mkdir(parents=True)
    (tmp_path / "job" / "out" / "sub" / "x").write_bytes(b"x")
    (tmp_path / "job" / "secret").write_bytes(b"secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_bytes(b"another job's")
    return tmp_path / "job"


def linked_folder(job: Path) -> str:
    (job / "out" / "way").symlink_to(job.parent / "elsewhere")
    return "way/x"


def linked_out(job: Path) -> str:
    (job / "out").rename(job / "hidden")
    (job / "out").symlink_to(job.parent / "elsewhere")
    return "x"


def open_socket(job: Path) -> str:
    here = Path.cwd()
    os.chdir(job / "out")  # the address of a socket is short
    try:
        socket.socket(socket.AF_UNIX).bind("s")
    finally:
        os.chdir(here)
    return "s"


def made(action: Callable[[Path], object]) -> Callable[[Path], str]:
    def make(job: Path) -> str:
        action(job / "out" / "bad")
        return "bad"

    return make


TRICKS: dict[str, Callable[[Path], str]] = {
    "link": made(lambda path: path.symlink_to(SECRET)),
    "link-to-its-own-file": made(lambda path: path.symlink_to("sub/x")),
    "dangling-link": made(lambda path: path.symlink_to("nothing")),
    "hard-link": made(lambda path: path.hardlink_to(path.parents[1] / "secret")),
    "second-name": made(lambda path: path.hardlink_to(path.parent / "sub" / "x")),
    "pipe": made(os.mkfifo),
    "folder": made(Path.mkdir),
    "socket": open_socket,
    "linked-folder-on-the-way": linked_folder,
    "out-itself-is-a-link": linked_out,
    "not-there": lambda _: "nothing",
    "file-on-the-way": lambda _: "sub/x/y",
}
NAMES = [
    *("", ".", "..", "../secret", "sub/../../secret", "sub//x", "/etc/passwd", "sub/x/", "./sub/x"),
    *("a\0b", "a\nb", "a\x1b[2J", "a\u202eb", "a\\..\\b", "\udcff", "x" * 256, "d/" * 20 + "x"),
]
DOORS: dict[str, Callable[[Path, str], object]] = {
    "collect": lambda job, name: collect(job, [name], job.parent / "into", LIMITS),
    "held": lambda job, name: held(job / "out", name),
    "route": lambda job, name: descriptor(job / "out", name),
    "bundle": lambda job, name: list(bundle.stream(job / "out", [name])),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("trick", TRICKS)
def test_only_a_regular_file_of_its_own_is_handed_on(job: Path, trick: str, door: str) -> None:
    name = TRICKS[trick](job)
    with pytest.raises((PluginBug, NotFound)):
        DOORS[door](job, name)
    assert not [path for path in (job.parent / "into").rglob("*") if path.is_file()]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_name_leads_out_or_says_more_than_a_name(job: Path, name: str, door: str) -> None:
    with pytest.raises((PluginBug, NotFound)):
        DOORS[door](job, name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_not_read(job: Path) -> None:
    os.mknod(job / "out" / "null", 0o020666, os.makedev(1, 3))
    with pytest.raises(PluginBug):
        collect(job, ["null"], job.parent / "into", LIMITS)


def test_a_file_of_the_job_is_moved_and_becomes_ours(job: Path, tmp_path: Path) -> None:
    (job / "out" / "sub" / "x").chmod(0o4777)
    names = collect(job, ["sub/x"], tmp_path / "into", LIMITS)
    target = tmp_path / "into" / "sub" / "x"
    found = target.stat()
    assert (names, target.read_bytes()) == (("sub/x",), b"x")
    assert (found.st_mode & 0o7777, found.st_uid) == (0o644, os.geteuid())
    assert not (job / "out" / "sub" / "x").exists()


def test_a_name_given_twice_is_refused(job: Path) -> None:
    with pytest.raises(PluginBug):
        collect(job, ["sub/x", "sub/x"], job.parent / "into", LIMITS)


def holes(job: Path) -> list[str]:
    with (job / "out" / "holes").open("wb") as stream:
        stream.truncate(1 << 40)
    return ["holes"]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(lambda _: ["a", "b", "c", "d"], id="too-many"),
        pytest.param(holes, id="one-full-of-holes"),
    ],
)
def test_count_and_size_are_capped(job: Path, names: Callable[[Path], list[str]]) -> None:
    with pytest.raises(DiskFull):
        collect(job, names(job), job.parent / "into", LIMITS)


def test_sizes_add_up(job: Path) -> None:
    for name in ("a", "b"):
        (job / "out" / name).write_bytes(bytes(3000))
    with pytest.raises(DiskFull):
        collect(job, ["a", "b"], job.parent / "into", LIMITS)


def test_a_file_that_has_another_size_than_recorded_is_not_sent(job: Path) -> None:
    with pytest.raises(NotFound):
        descriptor(job / "out", "sub/x", 2)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: path.symlink_to(SECRET), id="link"),
        pytest.param(lambda path: path.hardlink_to(path.parent / "secret"), id="hard-link"),
        pytest.param(os.mkfifo, id="pipe"),
        pytest.param(Path.mkdir, id="folder"),
        pytest.param(lambda path: path.write_text("[" * 200_000), id="deep"),
        pytest.param(lambda path: path.write_text("{"), id="broken"),
        pytest.param(lambda path: path.write_text("[]"), id="list"),
    ],
)
def test_an_answer_that_is_none_ends_in_an_error_of_ours(job: Path, write: Callable) -> None:
    write(job / "result.json")
    with pytest.raises(WorkerDied):
        read(job / "result.json", "plugin:x")


def test_an_answer_beyond_the_limit_is_not_read(job: Path) -> None:
    assert (content(job, "secret", 6), content(job, "secret", 5)) == (b"secret", None)


def test_a_log_is_kept_without_what_a_terminal_obeys_or_a_reader_believes(job: Path) -> None:
    text = (
        "\x1b[31mred\x1b[0m\r50 %\rdone\r\n==> 02-run.txt <==\n\x1b]0;title\x07\u202eevil\x9b2J\n\0"
    )
    (job / "log.txt").write_text(text, "utf-8")
    assert printout(job) == "red\n50 %\ndone\n ==> 02-run.txt <==\n?evil\n?"


def test_a_long_log_keeps_its_ends(job: Path) -> None:
    (job / "log.txt").write_bytes(b"a" * HALF + b"b" * 5000 + b"c" * HALF)
    text = printout(job)
    assert (text[0], text[-1], "[5000 bytes left out]" in text, "b" * 100 in text) == (
        "a",
        "c",
        True,
        False,
    )


@pytest.mark.parametrize("write", [lambda p: p.symlink_to(SECRET), os.mkfifo], ids=["link", "pipe"])
def test_a_log_that_is_no_file_is_empty(job: Path, write: Callable) -> None:
    write(job / "log.txt")
    assert printout(job) == ""


def test_every_refusal_names_no_folder_of_the_server(job: Path) -> None:
    told = []
    for name in NAMES:
        with pytest.raises(ModelportError) as caught:
            collect(job, [name], job.parent / "into", LIMITS)
        told.append(str(caught.value))
    assert [text for text in told if "/" in text] == []

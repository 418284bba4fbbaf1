"""The job folder: made ready for a job, measured while it runs, and taken back after it.

The job may write to ``out/``, ``tmp/``, ``progress.jsonl`` and ``result.json``; the rest is
read-only to it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

FOLDERS = ("out", "tmp")
# Made here, because Landlock can grant a right on a file only where there is one.
FILES = ("progress.jsonl", "result.json.part")
ANSWER = "result.json"
LOG = "log.txt"
MOST_ENTRIES = 1_000_000  # where counting stops by itself; far beyond any limit


class Usage(NamedTuple):
    """What a job has written: bytes on disk, entries, and the size of the largest file."""

    disk: int
    files: int
    largest: int


def prepare(job: str, uid: int | None) -> list[tuple[str, int]]:
    """Make ``job`` ready and return the modes to give back to ``reclaim``.

    With ``uid``, the writable parts become its own and the rest readable to it; without,
    the read-only folders lose their write permission, which binds root too once it has
    dropped its capabilities.
    """
    for name in FOLDERS:
        os.makedirs(f"{job}/{name}", exist_ok=True)
    for name in FILES:
        os.close(os.open(f"{job}/{name}", os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    if uid is None:
        return [_sealed(path) for path in read_only(job) for path in _folders(path)]
    # Only the owner passes this door, so what is inside may be open to all.
    os.chmod(job, 0o700)
    for name in ("", *FOLDERS, *FILES):
        os.chown(f"{job}/{name}", uid, uid, follow_symlinks=False)
    for name in FOLDERS:
        for path, _ in _walk(f"{job}/{name}"):
            os.chown(path, uid, uid, follow_symlinks=False)
    for path in read_only(job):
        _open_to_all(path)
    return []


def reclaim(job: str, modes: list[tuple[str, int]]) -> None:
    """Give ``job`` back to the service: owner, and modes under which it can be read and removed."""
    mine = os.geteuid(), os.getegid()
    for path, mode in modes:
        os.chmod(path, mode)
    for top in (f"{job}/{name}" for name in FOLDERS):
        _take(top, os.lstat(top), mine)
        for path, status in _walk(top):
            _take(path, status, mine)
    for name in ("", *FILES, ANSWER):
        path = f"{job}/{name}"
        if os.path.lexists(path):
            _take(path, os.lstat(path), mine)


def unsealed(job: str) -> list[tuple[str, int]]:
    """Return modes for ``reclaim`` where those that ``prepare`` returned are lost."""
    paths = [path for top in read_only(job) for path in _folders(top)]
    return [(path, stat.S_IMODE(os.lstat(path).st_mode) | 0o200) for path in paths]


def usage(job: str, most: int = MOST_ENTRIES) -> Usage:
    """Return what stands in the writable parts of ``job``; counting ends after ``most`` entries."""
    disk = files = largest = 0
    for top in (job, *(f"{job}/{name}" for name in FOLDERS)):
        for _, status in _walk(top, deep=top != job):
            disk += status.st_blocks * 512
            files += 1
            largest = max(largest, status.st_size if stat.S_ISREG(status.st_mode) else 0)
            if files > most:
                return Usage(disk, files, largest)
    return Usage(disk, files, largest)


def read_only(job: str) -> list[str]:
    """Return the entries of ``job`` that it may read but not change."""
    own = {*FOLDERS, *FILES, ANSWER, LOG}
    return [entry.path for entry in os.scandir(job) if entry.name not in own]


def _walk(top: str, *, deep: bool = True) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the entries below ``top``, following no link; what vanishes meanwhile is left out."""
    stack = [top]
    while stack:
        try:
            entries = list(os.scandir(stack.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield entry.path, status
            # After the yield: `reclaim` has by then made the folder readable.
            if deep and stat.S_ISDIR(status.st_mode):
                stack.append(entry.path)


def _folders(top: str) -> list[str]:
    if os.path.islink(top) or not os.path.isdir(top):
        return []
    return [top, *(path for path, status in _walk(top) if stat.S_ISDIR(status.st_mode))]


def _sealed(path: str) -> tuple[str, int]:
    mode = stat.S_IMODE(os.lstat(path).st_mode)
    os.chmod(path, mode & ~0o222)
    return path, mode


def _open_to_all(top: str) -> None:
    for path, status in [(top, os.lstat(top)), *_walk(top)]:
        if stat.S_ISDIR(status.st_mode):
            os.chmod(path, stat.S_IMODE(status.st_mode) | 0o555)  # noqa: S103  # the job folder is 0700
        # A second link may be the original in the store, whose mode is not ours to change.
        elif stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            os.chmod(path, stat.S_IMODE(status.st_mode) | 0o444)


def _take(path: str, status: os.stat_result, owner: tuple[int, int]) -> None:
    if stat.S_ISLNK(status.st_mode):
        return
    if status.st_uid != owner[0]:
        os.chown(path, *owner, follow_symlinks=False)
    needed = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
    if status.st_mode & needed != needed:
        os.chmod(path, stat.S_IMODE(status.st_mode) | needed)

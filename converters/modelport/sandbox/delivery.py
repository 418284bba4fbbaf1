"""Takes over what a job left: every file is judged by its open descriptor, never by its path.

The names come from the job, and so do the folders on the way. Each folder is opened relative
to the one above, no link is followed, and what was looked at is what is handed on.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from modelport import errors
from modelport.sandbox.limits import Limits

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for ever.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
DEEPEST = 16  # folders below out/; no format uses more than two
LONGEST = 255  # bytes of one part of a name (NAME_MAX of Linux)
CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # what a terminal, a log or a page would obey


def collect(job: Path, names: Sequence[str], into: Path, limits: Limits) -> tuple[str, ...]:
    """Move result files from ``job/out`` to the folder ``into`` and return their names.

    Raises:
        PluginBug: A name leaves the folder, or is no regular file of its own.
        DiskFull: They are more, or larger, than the job's limits.
    """
    if len(names) > limits.files:
        raise errors.DiskFull(f"more than {limits.files} files in a result", step="sandbox")
    total = 0
    for name in names:
        with _opened(job, ("out", *_parts(name))) as (folder, last, descriptor):
            total += os.fstat(descriptor).st_size  # apparent: a file full of holes is as large
            if total > limits.disk:
                message = f"a result is larger than {limits.disk} bytes"
                raise errors.DiskFull(message, hint="Allow more disk space.", step="sandbox")
            _move(folder, last, descriptor, into / name)
    return tuple(names)


@contextmanager
def opened(folder: Path, name: str) -> Iterator[BinaryIO]:
    """Give the regular file ``name`` of a job's ``folder`` as a stream.

    Raises:
        PluginBug: It is none, has another name too, or is not there.
    """
    with (
        _opened(folder, (name,)) as (_, _, descriptor),
        os.fdopen(os.dup(descriptor), "rb") as stream,
    ):
        yield stream


def held(root: Path, name: str) -> int:
    """Return an open descriptor of the regular file ``name`` below ``root``; the caller closes it.

    Raises:
        PluginBug: It is none, has another name too, or a link is on the way.
    """
    with _opened(root, _parts(name)) as (_, _, descriptor):
        return os.dup(descriptor)


def content(folder: Path, name: str, most: int) -> bytes | None:
    """Return what is in the file ``name`` of a job's ``folder``; None if it is none to be read.

    Args:
        folder: Of the job; ours, up to its last part.
        name: Of a file in it.
        most: Bytes; a larger file is none to be read.
    """
    try:
        with opened(folder, name) as stream:
            text = stream.read(most + 1)
    except errors.PluginBug:
        return None
    return text if len(text) <= most else None


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a relative name.

    Raises:
        PluginBug: It is not one that a file of the result may have.
    """
    parts = tuple(name.split("/"))
    wrong = any(part in {"", ".", ".."} or _length(part) > LONGEST for part in parts)
    # A backslash would part folders where the user unpacks the bundle.
    odd = any(unicodedata.category(char) in CONTROLS or char == "\\" for char in name)
    if wrong or odd or len(parts) > DEEPEST:
        raise _bug("a result has a name that leaves its folder, or is none")
    return parts


def _length(part: str) -> int:
    return len(part.encode("utf-8", "surrogatepass"))


@contextmanager
def _opened(root: Path, parts: Sequence[str]) -> Iterator[tuple[int, str, int]]:
    """Give the open folder, the last part and the open file of ``parts`` below ``root``.

    Raises:
        PluginBug: It is not a regular file, has another name too, or a link is on the way.
    """
    with ExitStack() as stack:
        try:
            folder = os.open(root, FOLDER)
            stack.callback(os.close, folder)
            for part in parts[:-1]:
                folder = os.open(part, FOLDER, dir_fd=folder)
                stack.callback(os.close, folder)
            descriptor = os.open(parts[-1], FILE, dir_fd=folder)
        except (OSError, ValueError) as exc:
            raise _bug("a result is not a file of the job") from exc
        stack.callback(os.close, descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise _bug("a result is not a regular file of the job")
        yield folder, parts[-1], descriptor


def _move(folder: int, name: str, descriptor: int, target: Path) -> None:
    """Rename the open file to ``target``, and see that it is the one that arrived."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(name, target, src_dir_fd=folder)
    seen, there = os.fstat(descriptor), os.lstat(target)
    if (seen.st_dev, seen.st_ino, seen.st_nlink) != (there.st_dev, there.st_ino, 1):
        target.unlink(missing_ok=True)
        raise _bug("a result was exchanged while it was taken over")
    # The job's user owns it, with a private mode; from here on it is ours.
    if os.geteuid() == 0:
        os.fchown(descriptor, 0, 0)
    os.fchmod(descriptor, 0o644)


def _bug(message: str) -> errors.PluginBug:
    return errors.PluginBug(message, step="sandbox")

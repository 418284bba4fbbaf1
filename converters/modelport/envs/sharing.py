"""Lets environments share the files of equal packages by hard links.

Two environments with the same version of a package hold the same files byte for byte. Jobs cannot
write to an environment, and a builder edits files before they are shared, so one inode serves.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SMALLEST = 4096  # bytes; what is shorter takes one block whatever is done


def share(folder: Path, others: Iterable[Path]) -> int:
    """Link files of ``folder`` to equal ones of ``others``; return the bytes that it saved.

    Only packages of the same name and version are compared, and only whole files that are
    equal in every byte are linked. File systems without links leave all as it was.
    """
    saved = 0
    theirs = [site for other in others for site in _sites(other)]
    for site in _sites(folder):
        for info in sorted(site.glob("*.dist-info")):
            twins = [other / info.name for other in theirs if (other / info.name).is_dir()]
            for twin in twins[:1]:
                saved += sum(_linked(site, twin.parent, name) for name in _files(info))
    return saved


def shared_bytes(folder: Path) -> int:
    """Return the bytes of ``folder`` that another environment holds too."""
    found = (path.lstat() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(one.st_size for one in found if one.st_nlink > 1)


def _sites(folder: Path) -> list[Path]:
    return sorted(folder.glob("lib/python*/site-packages"))


def _files(info: Path) -> Iterator[str]:
    """Yield the files of a package, as its RECORD lists them (PEP 376)."""
    with contextlib.suppress(OSError):
        for line in (info / "RECORD").read_text("utf-8").splitlines():
            name = line.rsplit(",", 2)[0].strip('"')
            if name and ".." not in Path(name).parts and not Path(name).is_absolute():
                yield name


def _linked(site: Path, other: Path, name: str) -> int:
    mine, theirs = site / name, other / name
    try:
        here, there = mine.lstat(), theirs.lstat()
        if mine.is_symlink() or theirs.is_symlink() or here.st_size < SMALLEST:
            return 0
        if here.st_ino == there.st_ino or here.st_size != there.st_size:
            return 0
        if not filecmp.cmp(mine, theirs, shallow=False):
            return 0
        part = mine.with_name(f"{mine.name}.link")
        os.link(theirs, part)
        part.replace(mine)
    except OSError:
        return 0
    return here.st_size

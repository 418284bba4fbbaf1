"""Finds the files that belong to a model on the user's own disk, where only one was named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from modelport.errors import ModelportError
from modelport.intake.detection import SURE, head
from modelport_sdk import Format

READ = 64 << 20
"""Bytes of the main file that are searched for names: a graph of 200,000 nodes takes 30 MB."""


def companions(paths: Sequence[Path], formats: Iterable[Format]) -> tuple[Path, ...]:
    """Return ``paths``, and behind them what stands beside a lone file and belongs to it.

    For doors whose user owns the disk: the command line, never an upload. Only names
    without a folder are followed, and only regular files are taken.
    """
    if len(paths) != 1 or not paths[0].is_file():
        return tuple(paths)
    try:
        found = head(paths[0])
    except ModelportError:  # it will be refused, with its reason, when it is received
        return tuple(paths)
    best = max(formats, key=lambda format: format.match(found), default=None)
    if best is None or best.match(found) < SURE:
        return tuple(paths)
    with paths[0].open("rb") as stream:
        names = best.beside(paths[0].name, stream.read(READ))
    plain = (name for name in names if PurePosixPath(name).name == name and "\0" not in name)
    beside = (paths[0].with_name(name) for name in plain)
    return (paths[0], *(path for path in beside if path.is_file() and path != paths[0]))

"""Receives the user's files: copies them into a clean folder and unpacks archives."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from modelport.errors import AmbiguousFormat, CorruptModel, UnknownFormat
from modelport.intake import archive
from modelport.intake.budget import Limits, Sink
from modelport.intake.detection import SURE, head
from modelport.intake.naming import safe, shown
from modelport_sdk import Format

NESTED = 3  # archives in archives: model.onnx.gz in a tar in a zip is the most that people send
FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file until one is written to


def gather(
    paths: Sequence[Path],
    into: Path,
    limits: Limits,
    formats: Iterable[Format] = (),
    *,
    move: bool = False,
) -> Path:
    """Return ``into``, filled with the files of the upload under safe names.

    Archives are unpacked unless they are models themselves (TorchScript is a zip): some
    of ``formats`` recognises those; without any given, the suffix decides. A folder that
    holds all the rest is left out.

    Files are copied, sharing blocks where the file system can; never hard-linked, since
    a tool that writes to its input would change the user's file, and ONNX's own loader
    refuses external data with a second link. With ``move`` they are renamed instead.

    Raises:
        CorruptModel: A damaged or hostile archive, a link, a device, two files of one name.
        AmbiguousFormat: Several archives in one.
        TooLarge: More bytes or files than the limits allow.
    """
    known = tuple(formats)
    sink = Sink(into, limits)
    into.mkdir(parents=True)
    try:
        for path, name in _listed(paths):
            if path in paths and _packed(path, known):
                archive.unpack(path, name, sink)
            else:  # an archive inside a folder may be an asset of the model
                _take(path, sink.put(name), sink, move=move)
        _unnest(into, limits, known)
        _strip(into)
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return into


def _listed(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each file with its safe relative name; a lone folder gives no folder name."""
    for path in paths:
        if not path.is_dir():
            if not path.is_file():
                raise UnknownFormat(
                    f"{shown(path.name)} is neither a file nor a folder", hint="Send a model file."
                )
            yield path, safe(path.name)
            continue
        prefix = () if len(paths) == 1 else (safe(path.resolve().name),)
        for found in _walked(path):
            parts = (safe(part) for part in found.relative_to(path).parts)
            yield found, "/".join((*prefix, *parts))


def _walked(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if name.startswith("."):
                continue
            if not stat.S_ISREG(path.lstat().st_mode):
                raise CorruptModel(
                    f"{shown(name)} in the folder is a link or a device",
                    hint="Name the file itself, or copy the folder with `cp -rL`.",
                )
            yield path


def _packed(path: Path, formats: tuple[Format, ...]) -> bool:
    """Return whether ``path`` is an archive that is to be unpacked."""
    start = archive.first(path)
    archive.refuse_unread(start)
    if not archive.kind(start):
        return False
    if path.name.lower().endswith(archive.USUAL) and not formats:
        return True
    return bool(formats) and not _is_model(path, formats)


def _is_model(path: Path, formats: tuple[Format, ...]) -> bool:
    try:
        seen = head(path)
    except CorruptModel:
        # A damaged archive that calls itself one is an archive; a damaged .pt is a model.
        return not path.name.lower().endswith(archive.USUAL)
    return any(one.match(seen) >= SURE for one in formats)


def _take(path: Path, goal: Path, sink: Sink, *, move: bool) -> None:
    sink.spend(path.stat().st_size)
    if move:
        path.replace(goal)
        return
    with path.open("rb") as source, goal.open("xb") as target:
        try:
            fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
        except OSError:  # no copy-on-write here
            shutil.copyfileobj(source, target, archive.CHUNK)


def _unnest(into: Path, limits: Limits, formats: tuple[Format, ...]) -> None:
    """Unpack an archive that is all there is, again and again."""
    for _ in range(NESTED):
        files = [path for path in into.rglob("*") if path.is_file()]
        if not files or not all(_packed(path, formats) for path in files):
            return
        if len(files) > 1:
            raise AmbiguousFormat(
                f"the upload holds {len(files)} archives and nothing else",
                hint="Unpack it, and send the files of one model.",
            )
        (inner,) = files
        aside = into.with_name(into.name + ".nested")
        inner.replace(aside)
        try:
            shutil.rmtree(into)
            into.mkdir()
            archive.unpack(aside, inner.name, Sink(into, limits))
        finally:
            aside.unlink()
    raise CorruptModel(
        f"the upload nests archives more than {NESTED} deep",
        hint="Unpack it, and send the files of one model.",
    )


def _strip(into: Path) -> None:
    """Leave out the folders that hold all the rest."""
    while len(found := list(into.iterdir())) == 1 and found[0].is_dir():
        aside = into.with_name(into.name + ".stripped")
        found[0].replace(aside)
        into.rmdir()
        aside.replace(into)

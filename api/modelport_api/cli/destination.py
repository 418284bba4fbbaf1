"""The folder that results are written to: whole or not at all, never over a stranger's files."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import click

REPORTS = ("report.json", "report.html", "logs")
ARCHIVES = (".tar.gz", ".tar.bz2", ".tgz", ".zip", ".tar", ".gz", ".bz2")


def default(file: Path, target: str) -> Path:
    """Return ``./squeezenet-ncnn`` for ``squeezenet.onnx`` and ``ncnn``."""
    name = file.resolve().name
    for suffix in ARCHIVES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    stem = name if file.is_dir() else Path(name).stem
    return Path(f"{stem.lstrip('.-') or 'model'}-{target}")


def check(folder: Path, *, force: bool) -> None:
    """Refuse a folder that holds something that an earlier conversion did not write.

    Raises:
        click.BadParameter: It does, or it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise click.BadParameter(f"{folder} is a file: name a folder with -o")
    if force or not folder.is_dir() or not any(folder.iterdir()):
        return
    foreign = {entry.name for entry in folder.iterdir()} - set(_ours(folder))
    if foreign:
        raise click.BadParameter(
            f"{folder} holds files that modelport did not write there "
            f"({min(foreign)!r}): name another folder with -o, or add --force"
        )


def publish(source: Path, folder: Path, names: tuple[str, ...] = ()) -> None:
    """Put the entries of ``source`` (those in ``names``, else all) into ``folder``.

    They are copied beside it first, so that nothing half-written is ever seen there.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    stage = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        stage.mkdir()
        for entry in sorted(source.iterdir()):
            if not names or entry.name in names:
                shutil.move(entry, stage / entry.name)
        _clear(folder)
        if not folder.exists():
            stage.rename(folder)
            return
        for entry in sorted(stage.iterdir()):
            _remove(folder / entry.name)
            entry.rename(folder / entry.name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _ours(folder: Path) -> list[str]:
    """Return the top-level names that an earlier conversion wrote into ``folder``."""
    try:
        told = json.loads((folder / "report.json").read_text("utf-8"))
        files = [str(file["name"]) for file in (told.get("result") or {}).get("files", [])]
        known = "modelport" in told and "verdict" in told
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return []
    return [*REPORTS, *(Path(name).parts[0] for name in files if name)] if known else []


def _clear(folder: Path) -> None:
    if folder.is_dir():
        for name in _ours(folder):
            if name not in {"..", "/"}:
                _remove(folder / name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

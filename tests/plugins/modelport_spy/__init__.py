"""A converter that looks for everything it should not find, and writes down what it found."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from modelport_sdk import BASE, Context, Converter, NoOptions

PROCESSES = 70_000  # numbers that are tried; more than a machine of tests hands out


def _read(path: Path) -> str:
    return path.read_bytes()[:100_000].decode("utf-8", "replace")


def _tried(path: Path) -> str | None:
    try:
        return _read(path)
    except OSError:
        return None


def _others() -> Iterator[str]:
    """Yield variables, command lines and descriptors of every other process."""
    for number in range(1, PROCESSES):
        if number == os.getpid():
            continue
        for name in ("environ", "cmdline", "maps"):
            if text := _tried(Path(f"/proc/{number}/{name}")):
                yield f"{number}/{name}: {text}"


def _above(job: Path) -> Iterator[str]:
    """Yield what can be read of the folders above the job: databases, hashes, other jobs."""
    for folder in job.parents:
        try:
            entries = list(folder.iterdir())
        except OSError:
            continue
        for entry in entries:
            text = _tried(entry) if entry.is_file() else ""
            yield f"{entry}: {text}"


def _written() -> Iterator[str]:
    """Yield the places of the environment that let themselves be changed."""
    site = Path(json.__file__).parent
    for folder in (Path(sys.prefix), *(Path(p) for p in sys.path if p), site):
        try:
            (folder / "spy").write_text("spy")
            yield str(folder)
        except OSError:
            continue
    try:
        os.utime(Path(sys.prefix) / "pyvenv.cfg")
        with (Path(sys.prefix) / "pyvenv.cfg").open("a"):
            yield "pyvenv.cfg"
    except OSError:
        pass


def _spied(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    """Copy the model, and write ``spied.json`` beside it."""
    shutil.copy(source, out / f"{ctx.name}.onnx")
    job = out.resolve().parent
    found = {
        "variables": dict(os.environ),
        "self": _tried(Path("/proc/self/environ")),
        "arguments": [*sys.argv, _tried(Path("/proc/self/cmdline"))],
        "descriptors": [str(path.readlink()) for path in _descriptors()],
        "parent": [_tried(Path(f"/proc/{os.getppid()}/{n}")) for n in ("environ", "cmdline")],
        "others": list(_others()),
        "above": list(_above(job)),
        "written": list(_written()),
        "request": _tried(job / "request.json"),
    }
    (out / "spied.json").write_text(json.dumps(found))


def _descriptors() -> list[Path]:
    return [path for n in range(256) if (path := Path(f"/proc/self/fd/{n}")).is_symlink()]


SPY = Converter("onnx", "onnx", BASE, _spied, NoOptions, "spy", role="pass")

"""Where things lie under the service's home folder; the only module that knows.

``models/<digest>/`` files of a model as uploaded · ``inputs/<id>.npz`` ·
``jobs/<job>/<attempt>/`` with ``result/`` · ``uploads/<id>/`` one file that may still grow ·
``staging/<id>/`` what is not yet kept.
"""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def model(home: Path, digest: str) -> Path:
    """Return the folder of a model's files."""
    return home / "models" / digest


def inputs(home: Path, id: str) -> Path:
    """Return the file of a set of inputs."""
    return home / "inputs" / f"{id}.npz"


def upload(home: Path, id: str) -> Path:
    """Return the folder of one resumable upload."""
    return home / "uploads" / id


def job(home: Path, job: str) -> Path:
    """Return the folder of a job's attempts."""
    return home / "jobs" / job


def attempt(home: Path, job: str, attempt: int) -> Path:
    """Return the folder of one attempt."""
    return home / "jobs" / job / str(attempt)


@contextmanager
def staging(home: Path) -> Generator[Path]:
    """Give a fresh folder on the disk of ``home``; whatever is left in it is removed."""
    folder = home / "staging" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(home: Path) -> None:
    """Remove what uploads left that were cut off with the process."""
    shutil.rmtree(home / "staging", ignore_errors=True)


@contextmanager
def keeping(home: Path) -> Generator[None]:
    """Be the only one, of all processes, who takes over or deletes files of models."""
    with (home / "keeping.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

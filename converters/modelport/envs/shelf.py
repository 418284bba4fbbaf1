"""The shelf of environments: which there are, which are built, and how one is built."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from modelport.envs.bill import bill_of
from modelport.envs.command import run
from modelport.envs.install import check, install, prepare
from modelport.envs.interpreter import find_python
from modelport.envs.progress import INSTALLED, READY, STARTED, VENV, News, Say
from modelport.envs.sharing import share, shared_bytes
from modelport.errors import EnvironmentBroken, Unavailable
from modelport.model import Environment


@dataclass(frozen=True)
class Status:
    """Whether an environment can be used, and if not, why and what to do.

    Attributes:
        root: Its folder, built or not.
        size: Bytes of its files; 0 until it is built.
        shared: Bytes among them that another environment already held when it was built.
    """

    name: str
    ready: bool
    root: Path
    python: str
    reason: str = ""
    command: str = ""
    size: int = 0
    shared: int = 0


READY_FILE = "ready.json"


@dataclass(frozen=True)
class Envs:
    """The environments under one folder; equal ones share a sub-folder."""

    root: Path
    known: Mapping[str, Environment]

    def digest(self, name: str) -> str:
        """Return what identifies the contents: Python version, pins, locks and removals."""
        environment = self.known[name]
        parts = (
            environment.python,
            environment.requires,
            environment.lock,
            environment.extra,
            environment.remove,
            environment.remove_files,
            *([environment.prepare] if environment.prepare else []),
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def folder(self, name: str) -> Path:
        """Return where it stands or would stand."""
        return self.root / f"{name}-{self.digest(name)[:12]}"

    def status(self, name: str) -> Status:
        """Return whether ``name`` is ready."""
        if name not in self.known:
            return Status(name, False, self.root, "", "no plugin defines this environment")
        folder = self.folder(name)
        asked = self.known[name].python
        try:
            ready = json.loads((folder / READY_FILE).read_text("utf-8"))
        except (OSError, ValueError):
            command = f"modelport env build {name}"
            return Status(name, False, folder, asked, "not built", command)
        if not (folder / "bin" / "python").exists():
            command = f"modelport env build {name}"
            return Status(name, False, folder, asked, "its interpreter has gone", command)
        return Status(
            name,
            True,
            folder,
            ready["python"],
            size=ready["size"],
            shared=ready.get("shared", 0),
        )

    def python(self, name: str) -> Path:
        """Return the interpreter of a ready environment.

        Raises:
            Unavailable: It is not built; the hint has the command.
        """
        status = self.status(name)
        if not status.ready:
            hint = f"Run: {status.command}" if status.command else ""
            raise Unavailable(f"environment {name} is not ready: {status.reason}", hint=hint)
        return status.root / "bin" / "python"

    def bill(self, name: str) -> str:
        """Return the bill of materials of a ready environment, in CycloneDX.

        Raises:
            Unavailable: It is not built; the hint has the command.
        """
        folder = self.python(name).parent.parent
        return bill_of(folder, f"modelport-environment-{name}", self.digest(name)[:12])

    def remove(self, name: str) -> None:
        """Delete what stands of ``name``."""
        with self._lock(name):
            shutil.rmtree(self.folder(name), ignore_errors=True)

    def build(self, name: str, say: Say) -> Status:
        """Build ``name`` unless it is ready; two processes asking for one build it once.

        Raises:
            EnvironmentBroken: No interpreter, or the install or the health check failed.
        """
        if name not in self.known:
            raise EnvironmentBroken(f"no plugin defines an environment {name}")
        with self._lock(name):
            status = self.status(name)
            if status.ready:
                return status
            self._build(name, say)
            return self.status(name)

    def _build(self, name: str, say: Say) -> None:
        environment, folder = self.known[name], self.folder(name)
        shutil.rmtree(folder, ignore_errors=True)
        say(News(f"environment {name}: looking for Python {environment.python}", STARTED))
        interpreter = find_python(environment.python)
        say(News(f"environment {name}: creating {folder} with {interpreter}", VENV))
        run([interpreter, "-m", "venv", folder], name)
        install(environment, folder, say)
        prepare(environment, folder, say)
        say(News(f"environment {name}: checking", INSTALLED))
        check(environment, folder)
        share(folder, self._others(folder))
        _finish(environment, folder)
        say(News(f"environment {name}: ready", READY))

    def examine(self, name: str) -> Status:
        """Return whether ``name`` is built and imports what it must; takes seconds."""
        status = self.status(name)
        if not status.ready:
            return status
        try:
            check(self.known[name], status.root)
        except EnvironmentBroken as exc:
            command = f"modelport env doctor {name} --repair"
            return replace(status, ready=False, reason=str(exc), command=command)
        return status

    def repair(self, name: str, say: Say) -> Status:
        """Build ``name`` anew if it is built and broken; one that is not built stays so.

        Raises:
            EnvironmentBroken: It could not be built; nothing half-built counts as ready.
        """
        with self._lock(name):
            if self.status(name).ready and not self.examine(name).ready:
                (self.folder(name) / READY_FILE).unlink()
                self._build(name, say)
            return self.examine(name)

    def leftovers(self) -> tuple[Path, ...]:
        """Return folders of environments as they were before their pins changed."""
        current = {self.folder(name) for name in self.known}
        found = (
            path for name in self.known for path in self.root.glob(f"{name}-{'[0-9a-f]' * 12}")
        )
        return tuple(sorted(path for path in set(found) - current if path.is_dir()))

    def _others(self, folder: Path) -> list[Path]:
        ready = sorted(path.parent for path in self.root.glob(f"*/{READY_FILE}"))
        return [path for path in ready if path != folder]

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{name}.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _finish(environment: Environment, folder: Path) -> None:
    size = sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file())
    ready = {
        "python": environment.python,
        "size": size,
        "shared": shared_bytes(folder),
        "built": int(time.time()),
    }
    part = folder / f"{READY_FILE}.part"
    part.write_text(json.dumps(ready), "utf-8")
    part.replace(folder / READY_FILE)

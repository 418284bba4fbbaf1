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

from modelport.envs import contents
from modelport.envs.bill import bill_of
from modelport.envs.command import run
from modelport.envs.install import check, install, prepare
from modelport.envs.interpreter import find_python
from modelport.envs.progress import INSTALLED, READY, STARTED, VENV, News, Say
from modelport.envs.sharing import share, shared_bytes
from modelport.envs.status import (
    BROKEN,
    BUILDING,
    MISSING,
    READY_FILE,
    Status,
    acquit,
    condemn,
    condemned,
)
from modelport.envs.status import READY as IS_READY
from modelport.errors import EnvironmentBroken, Unavailable
from modelport.model import Environment


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
        """Return the state of ``name``; looks at a few files and runs nothing."""
        found = self._settled(name)
        if found.ready or not self._busy(name):
            return found
        return replace(found, state=BUILDING, reason="it is being built at this moment")

    def _settled(self, name: str) -> Status:
        """Return the state of ``name`` as far as nobody works on it; for who holds its lock."""
        if name not in self.known:
            return Status(name, MISSING, self.root, "", "no plugin defines this environment")
        folder, asked = self.folder(name), self.known[name].python
        known = Status(name, MISSING, folder, asked, "not built", f"modelport env build {name}")
        reason = condemned(folder)
        try:
            ready = json.loads((folder / READY_FILE).read_text("utf-8"))
        except (OSError, ValueError):
            ready = None
        if ready and not reason and not (folder / "bin" / "python").exists():
            reason = "its interpreter has gone"
        if ready and not reason:
            size, shared = ready["size"], ready.get("shared", 0)
            return Status(name, IS_READY, folder, ready["python"], size=size, shared=shared)
        return replace(known, state=BROKEN, reason=reason) if reason else known

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
        """Delete what stands of ``name``.

        Raises:
            EnvironmentBroken: It cannot be deleted.
        """
        with self._lock(name):
            folder = self.folder(name)
            # Not ready first: what is deleted half-way must not count as built.
            (folder / READY_FILE).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            acquit(folder)
            if folder.exists():
                raise EnvironmentBroken(f"environment {name} could not be deleted altogether")

    def build(self, name: str, say: Say) -> Status:
        """Build ``name`` unless it is ready; two processes asking for one build it once.

        What stands there broken is built anew.

        Raises:
            EnvironmentBroken: No interpreter, or the install or the health check failed.
        """
        if name not in self.known:
            raise EnvironmentBroken(f"no plugin defines an environment {name}")
        with self._lock(name, say):
            if not self._whole(name):
                self._build(name, say)
            return self._settled(name)

    def _whole(self, name: str) -> bool:
        """Return whether ``name`` is ready; one that was found broken is looked at again."""
        folder = self.folder(name)
        if condemned(folder) and (folder / READY_FILE).is_file():
            return self.examine(name).ready
        status = self._settled(name)
        return status.ready and not self.fault(name)

    def fault(self, name: str) -> str:
        """Return which files of a built ``name`` are gone or changed, as a sentence; "" if none."""
        return contents.fault(self.folder(name))

    def _build(self, name: str, say: Say) -> None:
        environment, folder = self.known[name], self.folder(name)
        acquit(folder)
        # What is built anew must not count as ready meanwhile; rmtree has no order.
        (folder / READY_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            say(News(f"environment {name}: looking for Python {environment.python}", STARTED))
            interpreter = find_python(environment.python)
            say(News(f"environment {name}: creating {folder} with {interpreter}", VENV))
            run([interpreter, "-m", "venv", folder], name)
            install(environment, folder, say)
            prepare(environment, folder, say)
            say(News(f"environment {name}: checking", INSTALLED))
            check(environment, folder)
        except EnvironmentBroken as exc:
            condemn(folder, str(exc))
            raise
        share(folder, self._others(folder))
        _finish(environment, folder)
        say(News(f"environment {name}: ready", READY))

    def examine(self, name: str) -> Status:
        """Return whether ``name`` is whole and imports what it must; takes seconds.

        What is found is written down: a broken one is not used until it is mended.
        """
        folder = self.folder(name)
        if not (folder / READY_FILE).is_file() or not (folder / "bin" / "python").exists():
            return self._settled(name)
        reason = self.fault(name)
        try:
            check(self.known[name], folder)
        except EnvironmentBroken as exc:
            reason = "; ".join(part for part in (str(exc), reason) if part)
        if reason:
            condemn(folder, reason)
        else:
            acquit(folder)
        return self._settled(name)

    def repair(self, name: str, say: Say) -> Status:
        """Build ``name`` anew if it is broken; one that was never built stays so.

        Raises:
            EnvironmentBroken: It could not be built; nothing half-built counts as ready.
        """
        with self._lock(name, say):
            if self.examine(name).state == BROKEN:
                self._build(name, say)
            return self._settled(name)

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
    def _lock(self, name: str, say: Say | None = None) -> Iterator[None]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            stream = self._lock_file(name).open("w")
        except OSError as exc:
            raise EnvironmentBroken(
                f"environment {name}: the folder of environments cannot be written here",
                hint="Name another one with MODELPORT_ENVS, or build as the user it belongs to.",
            ) from exc
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if say:
                    told = f"environment {name}: another process works on it, waiting"
                    say(News(told, STARTED))
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _busy(self, name: str) -> bool:
        """Return whether some process holds the lock of ``name``: it builds, mends or deletes."""
        try:
            with self._lock_file(name).open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _lock_file(self, name: str) -> Path:
        return self.root / f".{name}.lock"


def _finish(environment: Environment, folder: Path) -> None:
    contents.record(folder)
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

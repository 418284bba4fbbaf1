"""Environments: builds the interpreter and the pinned packages that a plugin runs in.

The builder is the one part of the house that uses the network; it never runs in a job.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelport.errors import EnvironmentBroken, Unavailable
from modelport.model import Environment

Say = Callable[[str], None]


@dataclass(frozen=True)
class Status:
    """Whether an environment can be used, and if not, why and what to do.

    Attributes:
        root: Its folder, built or not.
        size: Bytes on disk; 0 until it is built.
    """

    name: str
    ready: bool
    root: Path
    python: str
    reason: str = ""
    command: str = ""
    size: int = 0


@dataclass(frozen=True)
class Envs:
    """The environments under one folder; equal ones share a sub-folder."""

    root: Path
    known: Mapping[str, Environment]

    def digest(self, name: str) -> str:
        """Return what identifies the contents: Python version, pins, lock and removals."""
        environment = self.known[name]
        parts = (
            environment.python,
            environment.requires,
            environment.lock,
            environment.remove,
            environment.remove_files,
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
            ready = json.loads((folder / "ready.json").read_text("utf-8"))
        except (OSError, ValueError):
            command = f"modelport env build {name}"
            return Status(name, False, folder, asked, "not built", command)
        if not (folder / "bin" / "python").exists():
            command = f"modelport env build {name}"
            return Status(name, False, folder, asked, "its interpreter has gone", command)
        return Status(name, True, folder, ready["python"], size=ready["size"])

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
            environment = self.known[name]
            folder = self.folder(name)
            shutil.rmtree(folder, ignore_errors=True)
            say(f"environment {name}: looking for Python {environment.python}")
            interpreter = find_python(environment.python)
            say(f"environment {name}: creating {folder} with {interpreter}")
            _run([interpreter, "-m", "venv", folder], name)
            _install(environment, folder, say)
            _check(environment, folder)
            _finish(environment, folder)
            say(f"environment {name}: ready")
            return self.status(name)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{name}.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def find_python(version: str) -> str:
    """Return a Python of ``version`` ("3.11"): our own, on PATH, under pyenv, or known to uv.

    Raises:
        EnvironmentBroken: There is none on this machine.
    """
    if sys.version_info[:2] == tuple(int(part) for part in version.split(".")[:2]):
        return str(Path(sys.base_prefix) / "bin" / f"python{version}")
    found = shutil.which(f"python{version}")
    if found and _answers(found, version):
        return found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True):
        if _answers(str(candidate), version):
            return str(candidate)
    if uv := shutil.which("uv"):
        done = subprocess.run(
            [uv, "python", "find", version], capture_output=True, text=True, check=False
        )
        if done.returncode == 0 and _answers(done.stdout.strip(), version):
            return done.stdout.strip()
    raise EnvironmentBroken(
        f"no Python {version} on this machine",
        hint=f"Install Python {version}: your system's package, pyenv, or uv python install.",
    )


def _answers(python: str, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def _run(argv: list[str | Path], name: str) -> None:
    done = subprocess.run([str(part) for part in argv], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "ERROR" in line] or lines or ["no message"]
        raise EnvironmentBroken(
            f"environment {name}: {errors[-1].strip()[:500]}",
            hint="Check the network and the index that pip is configured for, then build again.",
        )


def _install(environment: Environment, folder: Path, say: Say) -> None:
    python = folder / "bin" / "python"
    pip: list[str | Path] = [python, "-I", "-m", "pip", "--disable-pip-version-check"]
    requirements = folder / "requirements.txt"
    requirements.write_text(environment.lock or "\n".join(environment.requires), "utf-8")
    count = len(requirements.read_text("utf-8").split())
    say(f"environment {environment.name}: installing {count} packages, this takes minutes")
    # -I would hide PIP_* variables only from Python itself; pip still honours the user's settings.
    _run([*pip, "install", "--quiet", "-r", requirements], environment.name)
    if environment.remove:
        _run([*pip, "uninstall", "--quiet", "--yes", *environment.remove], environment.name)
    for pattern in environment.remove_files:
        for path in folder.glob(f"lib/python*/site-packages/{pattern}"):
            path.unlink()


def _check(environment: Environment, folder: Path) -> None:
    code = "; ".join(f"import {module}" for module in environment.health) or "pass"
    _run([folder / "bin" / "python", "-I", "-c", code], environment.name)


def _finish(environment: Environment, folder: Path) -> None:
    size = sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file())
    ready = {"python": environment.python, "size": size, "built": int(time.time())}
    part = folder / "ready.json.part"
    part.write_text(json.dumps(ready), "utf-8")
    part.replace(folder / "ready.json")

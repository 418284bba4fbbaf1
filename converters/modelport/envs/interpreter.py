"""Finds a Python of the version that an environment asks for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from modelport.errors import EnvironmentBroken


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
    uv = _uv()
    if uv:
        done = subprocess.run(
            [uv, "python", "find", version], capture_output=True, text=True, check=False
        )
        if done.returncode == 0 and _answers(done.stdout.strip(), version):
            return done.stdout.strip()
    known = "known to uv" if uv else "known to uv, which is not installed"
    raise EnvironmentBroken(
        f"no Python {version} on PATH (python{version}), under pyenv, or {known}",
        hint=f"Install one: your system's package, `pyenv install {version}`, or "
        f"`uv python install {version}`; then build again.",
    )


def _uv() -> str | None:
    beside = str(Path(sys.executable).parent)  # a development install has one of its own
    return shutil.which("uv") or shutil.which("uv", path=beside)


def _answers(python: str, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version

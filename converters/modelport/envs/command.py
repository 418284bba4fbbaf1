"""Runs a command of a build: it ends with the builder, and its lines can be listened to."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from modelport.errors import EnvironmentBroken
from modelport.silence import SILENT

Heard = Callable[[str], None]

# A builder that is killed must not leave a pip behind that goes on writing while the next builder
# begins: the kernel sends SIGKILL (9) when the parent is gone (prctl 1, PR_SET_PDEATHSIG).
TIED = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9);"
    "os.getppid() == int(sys.argv[1]) or os._exit(9); os.execv(sys.argv[2], sys.argv[2:])"
)


def run(argv: Sequence[str | Path], name: str, heard: Heard | None = None) -> None:
    """Run a command for the environment ``name``; ``heard`` is given each line that it prints.

    Raises:
        EnvironmentBroken: It failed; the message is its own last error.
    """
    lines: list[str] = []
    status = _followed([str(part) for part in argv], lines, heard)
    if status:
        said = [line for line in lines if line.strip()]
        # "ERROR: Exception:" heads a traceback, whose last line says more.
        errors = [line for line in said if "ERROR" in line and "Exception:" not in line]
        errors = errors or said or ["no message"]
        hint = "Check the network and the index that pip is configured for, then build again."
        if any("DO NOT MATCH THE HASHES" in line for line in said):
            errors = [f"{errors[-1]} ({' '.join(_mismatch(said))})"]
            hint = "A file is not the one that was locked: find out why, or lock anew (make lock)."
        raise EnvironmentBroken(f"environment {name}: {errors[-1].strip()[:500]}", hint=hint)


def _followed(argv: Sequence[str], lines: list[str], heard: Heard | None) -> int:
    tied = [sys.executable, "-I", "-S", "-c", TIED, str(os.getpid()), *argv]
    with subprocess.Popen(
        tied,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **SILENT},
    ) as process:
        told: list[str] = []
        side = threading.Thread(target=lambda: told.extend(process.stderr or ()), daemon=True)
        side.start()
        try:
            for line in process.stdout or ():
                lines.append(line)
                if heard:
                    heard(line.rstrip())
        except BaseException:  # whoever listens has had enough: do not wait for the tool's end
            process.kill()
            raise
        side.join()
    lines[:0] = told  # what a tool says last on stderr comes before its own output, as ever
    return process.returncode


def _mismatch(lines: Sequence[str]) -> list[str]:
    words = ("Expected", "Got", "from")
    return [line.strip() for line in lines if any(word in line for word in words)][:6]

"""What protects jobs on this machine, what is missing, and how to get it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from modelport.sandbox import landlock

ENTRY = Path(__file__).with_name("entry.py")
PROBE_SECONDS = 30.0

ADVICE: dict[str, tuple[str, str]] = {
    "landlock": (
        "",  # landlock.gaps has the sentences
        "Use Linux 6.12 or newer with landlock in its lsm= list; with Docker, engine 23 or newer.",
    ),
    "seccomp": (
        "system calls are not filtered: no seccomp",
        "Use a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64.",
    ),
    "bubblewrap": (
        "no namespaces: bubblewrap is missing or may not make them",
        "Install bubblewrap, and allow user namespaces; a default container cannot have them.",
    ),
    "identities": (
        "jobs run under the service's user",
        "Run the service as root, with SETUID, SETGID, CHOWN and KILL, and a writable /run.",
    ),
    "cgroups": (
        "memory is limited by polling and a limit a process, not by a control group",
        "Run the service where it may create control groups, or give its container --memory.",
    ),
}


@dataclass(frozen=True)
class Layers:
    """The state of the sandbox on this machine.

    Attributes:
        in_force: Layer to what is in force: ``landlock`` (ABI, 0: none), ``seccomp``,
            ``bubblewrap`` (path), ``identities``, ``cgroups``.
        degraded: A sentence for everything missing.
        advice: A sentence on how to get it, in the same order.
        enough: Whether strangers' models may be run: seccomp, and Landlock or bubblewrap.
    """

    in_force: Mapping[str, Any]
    degraded: tuple[str, ...]
    advice: tuple[str, ...]
    enough: bool


@cache
def layers() -> Layers:
    """Return what was found by trying every layer once in this process's life.

    What a former process left behind is swept away first, so that every start does it.

    Raises:
        OSError: The service's own interpreter cannot be started.
    """
    offered = json.loads(_answer("probe"))
    degraded: list[str] = []
    advice: list[str] = []
    for layer, (sentence, remedy) in ADVICE.items():
        gaps = [] if offered[layer] else [sentence]
        if layer == "landlock":
            gaps = landlock.gaps(offered[layer])
        degraded += gaps
        advice += [remedy] * len(gaps)
    enough = bool(offered["seccomp"] and (offered["landlock"] or offered["bubblewrap"]))
    return Layers(offered, tuple(degraded), tuple(advice), enough)


def summary(in_force: Mapping[str, Any]) -> dict[str, Any]:
    """Return layers as users are told of them: versions and whether, no path of the server.

    Args:
        in_force: Of ``Layers`` or of an ``Ending``, which also knows the job's own user id.
    """
    own = "uid" in in_force
    return {
        "landlock": in_force["landlock"],
        "seccomp": in_force["seccomp"],
        "bubblewrap": bool(in_force["bubblewrap"]),
        "own_user": in_force["uid"] is not None if own else in_force["identities"],
        "control_groups": bool(in_force["cgroups"]),
    }


def sweep() -> Mapping[str, int]:
    """Remove what a supervisor and a guard killed together may have left: processes, groups.

    Returns how many ``users``, ``groups`` and other ``processes`` there were. Call it when the
    service starts.
    """
    found: dict[str, int] = json.loads(_answer("sweep"))
    return found


def _answer(command: str) -> bytes:
    argv = [sys.executable, "-I", "-S", str(ENTRY), command]
    done = subprocess.run(argv, capture_output=True, timeout=PROBE_SECONDS, check=False)
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace")[-500:]
        raise OSError(f"the sandbox cannot {command}: {last}")
    return done.stdout

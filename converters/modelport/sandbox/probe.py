"""What this machine offers: each layer is tried for real, in a child that ends with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from modelport.sandbox import (
    cgroup,
    identity,
    kernel,
    landlock,
    namespace,
    orphan,
    process_tree,
    seccomp,
)

TRIAL_MEMORY, TRIAL_TASKS = 1 << 30, 64
TRIAL = ["--ro-bind", "/", "/", *namespace.DEVICES, "--unshare-all", "--die-with-parent", "true"]


def offers() -> dict[str, Any]:
    """Return which layers work, by name, as the members of a ``Plan``."""
    return {
        "landlock": landlock.abi() if _works(_landlock) else 0,
        "seccomp": _works(_seccomp),
        "bubblewrap": _bubblewrap(),
        "identities": _works(_identity),
        "cgroups": _cgroups(),
    }


def swept() -> dict[str, int]:
    """Kill what runs under a job's user although no supervisor holds it; remove stale groups.

    Returns how many user ids were cleared, groups removed, and other processes killed.
    """
    users = [uid for uid in identity.abandoned() if not orphan.attended(uid)]
    for uid in users:
        process_tree.kill_user(uid)
    groups = cgroup.stale()
    if groups:
        process_tree.kill(os.getpid(), None, groups)
        cgroup.remove(groups)
    lost = orphan.orphans()
    if lost:
        process_tree.end(orphan.orphans)
    return {"users": len(users), "groups": len(groups), "processes": len(lost)}


def _works(layer: Callable[[], None]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            layer()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _landlock() -> None:
    kernel.prctl(kernel.NO_NEW_PRIVS, 1)
    landlock.restrict(landlock.ruleset([("/", landlock.RUN)]))


def _seccomp() -> None:
    kernel.prctl(kernel.NO_NEW_PRIVS, 1)
    seccomp.install(seccomp.program())


def _identity() -> None:
    uid = identity.lease()
    if uid is None:
        raise PermissionError("no user id to lend")
    identity.assume(uid)


def _bubblewrap() -> str:
    """Return the path of a ``bwrap`` that works here, "" if there is none (default Docker)."""
    program = shutil.which("bwrap")
    if not program:
        return ""
    done = subprocess.run([program, *TRIAL], capture_output=True, timeout=10, check=False)
    return program if done.returncode == 0 else ""


def _cgroups() -> bool:
    groups = cgroup.make(TRIAL_MEMORY, TRIAL_TASKS)
    limited = cgroup.limits_memory(groups)
    cgroup.remove(groups)
    return limited

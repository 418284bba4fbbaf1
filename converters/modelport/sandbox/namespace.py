"""Namespaces by bubblewrap, where we may have them: own network, processes and files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from modelport.sandbox import folder, view
from modelport.sandbox.plan import Plan

HERE = os.path.dirname(os.path.abspath(__file__))
DEVICES = ["--dev", "/dev", "--proc", "/proc"]
# Its owner may write there without any capability, and core_pattern names a program.
SETTINGS = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")
CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_DAC_READ_SEARCH")
# --unshare-all as root would make a user namespace too, in which setgroups is refused later.
UNSHARE_ROOT = "--unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try"


def command(plan: Plan, inner: list[str]) -> list[str]:
    """Return ``inner`` wrapped so that it sees what ``plan`` allows and the launcher's own code."""
    unshare = ["--unshare-all"] if os.geteuid() else UNSHARE_ROOT.split()
    # What the stage needs to become that user, and to enter a folder that is already its own.
    needed = () if plan.uid is None else CAPABILITIES
    keep = [word for capability in needed for word in ("--cap-add", capability)]
    shown = [path for path, _ in view.grants(plan) if not path.startswith(("/dev/", "/proc/"))]
    shown += [HERE, os.path.dirname(HERE), *view.interpreter(sys.executable)]
    shown = [path for path in shown if os.path.exists(path) and not _inside(path, [plan.job])]
    real = _outermost(os.path.realpath(path) for path in shown)
    job = plan.job
    return [
        *(plan.bubblewrap, *unshare, "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *keep,
        *_folders([*real, job]),
        *(word for path in real for word in ("--ro-bind", path, path)),
        *_links(shown, real),
        *DEVICES,
        *(word for path in SETTINGS for word in ("--ro-bind-try", path, path)),
        *("--bind", job, job),
        *(word for path in folder.read_only(job) for word in ("--ro-bind", path, path)),
        # Both are memory, which no limit would count.
        *("--remount-ro", "/", "--remount-ro", "/dev", "--chdir", "/", "--", *inner),
    ]


def _folders(paths: list[str]) -> list[str]:
    """Return options that make the parents readable: bubblewrap's own would be root's alone."""
    parents = {parent for path in paths for parent in _parents(path)}
    return [word for path in sorted(parents) for word in ("--perms", "0755", "--dir", path)]


def _links(paths: list[str], real: list[str]) -> list[str]:
    """Return options that repeat the symlinks on the way to ``paths``, such as /lib -> usr/lib."""
    made: dict[str, str] = {}
    for path in paths:
        for place in [*_parents(path), path]:
            at = os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))
            if os.path.islink(at) and not _inside(at, real):
                made[at] = os.readlink(at)
    return [word for at, target in made.items() for word in ("--symlink", target, at)]


def _parents(path: str) -> list[str]:
    above = os.path.dirname(path)
    return [] if above in {"/", ""} else [*_parents(above), above]


def _inside(path: str, folders: list[str]) -> bool:
    return any(path == top or path.startswith(top + "/") for top in folders)


def _outermost(paths: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not _inside(path, kept):
            kept.append(path)
    return kept

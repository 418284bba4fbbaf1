"""Processes of jobs whose supervisor is gone, known by marks that no job can remove.

Where jobs have no user and no control group of their own, nothing else tells them from the
service's other processes. Each mark can only ever be taken on: privileges given up, a filter
more than ours, a hard limit of 0, and a score for want of memory that Landlock keeps
from being written.
"""

from __future__ import annotations

import os

from modelport.sandbox.process_tree import everyone, status

ENTRY = b"/sandbox/entry.py"
SCORE = 1000
NONE = ("Max core file size", "Max msgqueue size")


def orphans() -> set[int]:
    """Return the processes of our user that are marked as a job's and have no supervisor above."""
    uid, filters = os.geteuid(), _filters(os.getpid())
    marked = {pid for pid in everyone() if _marked(pid, uid, filters)}
    return {pid for pid in marked if not _supervised(pid, uid, filters)}


def attended(uid: int) -> bool:
    """Return whether a process of ``uid`` has a supervisor above, such as one in a container."""
    filters = _filters(os.getpid())
    owned = [pid for pid in everyone() if set(_uids(pid)) == {str(uid)}]
    return any(_supervised(pid, uid, filters) for pid in owned)


def _filters(pid: int) -> int:
    return int(status(pid).get("Seccomp_filters", 0))


def _uids(pid: int) -> list[str]:
    return status(pid).get("Uid", "").split()


def _marked(pid: int, uid: int, filters: int) -> bool:
    """Return whether ``pid`` bears all marks of a job that runs as ``uid``."""
    fields = status(pid)
    if fields.get("State", "X")[0] in "ZX" or fields.get("NoNewPrivs") != "1":
        return False
    if set(_uids(pid)) != {str(uid)} or _filters(pid) <= filters:
        return False
    return _read(pid, "oom_score_adj").strip() == b"%d" % SCORE and _limited(pid)


def _limited(pid: int) -> bool:
    hard = {}
    for line in _read(pid, "limits").decode().splitlines():
        name, values = line[:26].strip(), line[26:].split()
        hard[name] = values[1] if len(values) > 1 else ""
    return all(hard.get(name) == "0" for name in NONE)


def _supervised(pid: int, uid: int, filters: int) -> bool:
    """Return whether a process above ``pid`` runs our entry: it, or its guard, will end the job."""
    while pid > 1:
        pid = int(status(pid).get("PPid", 0))
        # A job may call itself anything, but it cannot lose its marks.
        if ENTRY in _read(pid, "cmdline") and not _marked(pid, uid, filters):
            return True
    return False


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as stream:
            return stream.read()
    except OSError:
        return b""

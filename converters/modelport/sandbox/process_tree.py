"""The processes of a job: found, measured, and killed without exception."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from modelport.sandbox import cgroup, identity

PATIENCE = 5.0
"""Seconds to wait for the last process: tearing down 2 GB of memory under load took over 0.6."""
FREEZES = 3


class Load(NamedTuple):
    """What a tree uses: bytes of anonymous and shared memory, and tasks (threads included)."""

    memory: int
    tasks: int


def descendants(root: int) -> set[int]:
    """Return the processes below ``root``, zombies included.

    The root is a subreaper, so that orphans of the tree are its children too.
    """
    # Only where the kernel was built with CONFIG_PROC_CHILDREN.
    listed = os.path.exists(f"/proc/{root}/task/{root}/children")
    children = _children if listed else _by_parent().get
    found: set[int] = set()
    fresh = children(root) or set()
    while fresh:
        found |= fresh
        fresh = {child for pid in fresh for child in children(pid) or ()} - found
    return found


def load(pids: Iterable[int], *, shared_once: bool = False) -> Load:
    """Return what ``pids`` use together.

    Args:
        pids: The processes.
        shared_once: Count a page that several share once (slow: the kernel walks every page).
    """
    memory = tasks = 0
    for pid in pids:
        fields = status(pid)
        resident = sum(_size(fields, key) for key in ("RssAnon", "RssShmem", "VmPTE"))
        if shared_once:
            resident = min(resident, _proportional(pid, resident))
        memory += resident
        tasks += int(fields.get("Threads", 0))
    return Load(memory, tasks)


def tasks_of(uid: int) -> int:
    """Return how many tasks of ``uid`` are alive on this machine."""
    return load(_owned(uid)).tasks


def kill(root: int, uid: int | None, groups: Iterable[str]) -> int:
    """Kill everything below ``root``, of ``uid`` and in ``groups``; return how many survive.

    ``root`` must be this process. A group is killed at once, a user's processes at once; what
    is left is first stopped, so that it cannot fork away, and then killed until none is found.
    Where the kernel itself counts a group's processes, none is the end of it.
    """
    groups = list(groups)
    if cgroup.empty(groups):  # and no process can leave its group
        return 0
    cgroup.kill(groups)
    if uid is not None:
        kill_user(uid)
    return end(lambda: _alive(root, uid, groups))


def end(found: Callable[[], set[int]]) -> int:
    """Stop, then kill what ``found`` returns until it finds none; return how many survive."""
    last = time.monotonic() + PATIENCE
    rounds = 0
    while alive := found():
        for pid in alive:
            _send(pid, signal.SIGSTOP if rounds < FREEZES else signal.SIGKILL)
        rounds += 1
        reap()
        if rounds > FREEZES:
            if time.monotonic() > last:
                break
            time.sleep(0.005)
    reap()
    return len(alive)


def kill_user(uid: int) -> None:
    """Kill every process of ``uid`` by one signal, which no fork outruns."""
    child = os.fork()
    if child == 0:
        try:
            identity.assume(uid)
            os.kill(-1, signal.SIGKILL)
        except OSError:
            pass  # no such process, or the kernel counted us too and is done
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def reap() -> dict[int, int]:
    """Collect every child that has ended; return its wait status by number."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended[pid] = status


def everyone() -> list[int]:
    """Return every process of this machine that we can see."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def status(pid: int) -> dict[str, str]:
    """Return the fields of ``/proc/PID/status``, none if it is gone."""
    parts = (line.partition(":") for line in _text(pid).splitlines())
    return {key: value.strip() for key, _, value in parts}


def _alive(root: int, uid: int | None, groups: Iterable[str]) -> set[int]:
    found = descendants(root) | cgroup.members(groups)
    if uid is not None:
        found |= set(_owned(uid))
    return {pid for pid in found - {root} if status(pid).get("State", "X")[0] not in "ZX"}


def _children(pid: int) -> set[int]:
    found: set[int] = set()
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as stream:
                found.update(map(int, stream.read().split()))
    except OSError:  # it ended
        return found
    return found


def _by_parent() -> dict[int, set[int]]:
    children: dict[int, set[int]] = {}
    for pid in everyone():
        children.setdefault(int(status(pid).get("PPid", 0)), set()).add(pid)
    return children


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):  # it ended, and its number may be lent anew
        return


def _owned(uid: int) -> list[int]:
    # Not the owner of /proc/PID: a process can make that root, by PR_SET_DUMPABLE.
    mark = f"\nUid:\t{uid}\t"
    return [pid for pid in everyone() if mark in _text(pid)]


def _text(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _size(fields: dict[str, str], key: str) -> int:
    return int(fields.get(key, "0 kB").split()[0]) * 1024


def _proportional(pid: int, otherwise: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as stream:
            fields = dict(line.partition(":")[::2] for line in stream)
    except OSError:  # another user's, and we may not trace
        return otherwise
    return _size(fields, "Pss_Anon") + _size(fields, "Pss_Shmem")

"""Control groups, version 1 or 2, where we may make some: hard limits, and a sure kill.

Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,pids}.rst.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

ROOT = "/sys/fs/cgroup"
PREFIX = "modelport-"
REMOVAL = 1.0  # seconds that a group may stay busy after its last process


def make(memory: int, tasks: int) -> list[str]:
    """Return new groups, named after this process, with room for ``memory`` bytes and ``tasks``.

    A hierarchy in which we may not make one is left out: the list may be empty.
    """
    made = []
    for place, files in _places(memory, tasks):
        group = f"{place}/{PREFIX}{os.getpid()}"
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            for name, value in files.items():
                _write(f"{group}/{name}", value)
            made.append(group)
        except OSError:
            os.rmdir(group)
    return made


def limits_memory(groups: Iterable[str]) -> bool:
    """Return whether one of ``groups`` limits memory."""
    names = ("memory.limit_in_bytes", "memory.max")
    return any(os.path.exists(f"{group}/{name}") for group in groups for name in names)


def join(groups: Iterable[str]) -> None:
    """Put this process into ``groups``."""
    for group in groups:
        _write(f"{group}/cgroup.procs", 0)


def starved(groups: Iterable[str]) -> bool:
    """Return whether the kernel killed a process of ``groups`` for want of memory."""
    for group in groups:
        for name in ("memory.oom_control", "memory.events"):
            try:
                with open(f"{group}/{name}", encoding="ascii") as stream:
                    counts = dict(line.split() for line in stream)
            except OSError:
                continue
            if int(counts.get("oom_kill", 0)):
                return True
    return False


def empty(groups: Iterable[str]) -> bool:
    """Return whether the kernel counts no process in one of ``groups`` (all hold the same)."""
    for group in groups:
        for name, none in (("pids.current", "0"), ("cgroup.events", "populated 0")):
            try:
                with open(f"{group}/{name}", encoding="ascii") as stream:
                    lines = stream.read().splitlines()
            except OSError:
                continue
            if none in lines:
                return True
    return False


def kill(groups: Iterable[str]) -> None:
    """Kill every process of ``groups`` at once, where they are of version 2."""
    for group in groups:
        if os.path.exists(f"{group}/cgroup.kill"):
            _write(f"{group}/cgroup.kill", 1)


def remove(groups: Iterable[str]) -> None:
    """Remove ``groups``, which the kernel allows a moment after their last process is gone."""
    for group in groups:
        end = time.monotonic() + REMOVAL
        while time.monotonic() < end:
            try:
                os.rmdir(group)
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.01)
            else:
                break


def stale() -> list[str]:
    """Return the groups whose supervisor is gone."""
    found = []
    for place in {place for place, _ in _places(0, 0)}:
        for name in os.listdir(place):
            owner = name.removeprefix(PREFIX)
            if name.startswith(PREFIX) and not os.path.exists(f"/proc/{owner}"):
                found.append(f"{place}/{name}")
    return found


def members(groups: Iterable[str]) -> set[int]:
    """Return the processes of ``groups``."""
    found: set[int] = set()
    for group in groups:
        try:
            with open(f"{group}/cgroup.procs", encoding="ascii") as stream:
                found.update(map(int, stream))
        except OSError:
            continue
    return found


def _places(memory: int, tasks: int) -> list[tuple[str, dict[str, int]]]:
    """Return the folders in which to make a group, with the limits to write there."""
    second = {"memory.max": memory, "memory.swap.max": 0, "pids.max": tasks}
    places = [
        (f"{ROOT}/memory", {"memory.limit_in_bytes": memory}),
        (f"{ROOT}/pids", {"pids.max": tasks}),
        (f"{ROOT}/unified", {}),  # version 2 beside version 1: no controllers, but cgroup.kill
        (ROOT, second),
    ]
    return [place for place in places if os.access(f"{place[0]}/cgroup.procs", os.W_OK)]


def _write(path: str, value: int) -> None:
    with open(path, "w", encoding="ascii") as stream:
        stream.write(str(value))

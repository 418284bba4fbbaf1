"""What one job may use, and what this machine can give."""

from __future__ import annotations

import os
from dataclasses import dataclass

GIB = 1 << 30
SHARE_OF_MEMORY = 0.75  # the rest is for the server, the page cache and the user's other work
SHARE_OF_DISK = 0.5
CGROUP_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Limits:
    """The most that one job may use.

    Attributes:
        seconds: Wall-clock time from start to end.
        memory: Bytes of the whole tree of processes: anonymous and shared memory, not the
            pages of mapped files, which the kernel can drop.
        disk: Bytes that the job may write to its folder.
        files: Files and folders that it may create there.
        processes: Processes and threads alive at once.
        threads: CPU threads that numeric libraries are told to use.
        file_size: Bytes of one file.
    """

    seconds: float
    memory: int
    disk: int
    files: int
    processes: int
    threads: int
    file_size: int


def default_limits(folder: str | os.PathLike[str] = "/") -> Limits:
    """Return limits for one job at a time on this machine, with its jobs under ``folder``.

    Half an hour, three quarters of the memory, half of the free disk and every core.
    """
    room = os.statvfs(folder)
    disk = int(room.f_bavail * room.f_frsize * SHARE_OF_DISK)
    cores = len(os.sched_getaffinity(0))
    return Limits(
        seconds=1800.0,
        memory=int(machine_memory() * SHARE_OF_MEMORY),
        disk=disk,
        files=100_000,
        # Some libraries start a pool a core each, whatever OMP_NUM_THREADS says.
        processes=256 + 32 * cores,
        threads=cores,
        file_size=disk,
    )


def machine_memory() -> int:
    """Return the bytes of memory of this machine or container, the smaller of the two."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in CGROUP_MEMORY:
        try:
            with open(path, encoding="ascii") as stream:
                total = min(total, int(stream.read()))
        except (OSError, ValueError):  # absent, or "max"
            continue
    return total

"""What a job sees of the file system: one list, enforced by Landlock and shown by bubblewrap."""

from __future__ import annotations

import os
from collections.abc import Iterator

from modelport.sandbox import folder, landlock
from modelport.sandbox.plan import Plan

LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/lib", "/lib32", "/lib64")
PROGRAMS = ("/usr/bin", "/bin")

# Not /etc/passwd: a TorchScript `aten::from_file('/etc/passwd')` did read it.
SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives", "/usr/share/zoneinfo")
HARDWARE = ("/sys/devices/system/cpu", "/sys/devices/system/node")
DEVICES = ("/dev/urandom", "/dev/random", "/dev/zero")
SINKS = ("/dev/null", "/dev/full")

# Not all of /proc: the command lines of other processes may carry passwords.
KERNEL = tuple(
    "/proc/" + name
    for name in (
        *("cpuinfo", "meminfo", "stat", "version", "filesystems", "uptime", "loadavg"),
        *("sys/vm/overcommit_memory", "sys/vm/max_map_count", "sys/kernel/osrelease"),
        # The process itself; a child of the job has another number and does without.
        "self",
    )
)


def grants(plan: Plan) -> Iterator[tuple[str, int]]:
    """Yield (path, Landlock rights) for everything that the job of ``plan`` may touch."""
    for path in (*LIBRARIES, *PROGRAMS, *interpreter(plan.argv[0])):
        yield path, landlock.RUN
    for path in (*SETTINGS, *HARDWARE, *DEVICES, *KERNEL, *plan.readable):
        yield path, landlock.READ
    for path in SINKS:
        yield path, landlock.READ | landlock.WRITE_FILE
    # New names in the job's root, so that the worker can rename result.json.part; but no right
    # to write there: that is given on the two files alone, and on out/ and tmp/.
    yield plan.job, landlock.READ | landlock.MAKE_REG | landlock.REMOVE_FILE
    for name in folder.FILES:
        yield f"{plan.job}/{name}", landlock.READ | landlock.WRITE_FILE | landlock.TRUNCATE
    for name in folder.FOLDERS:
        yield f"{plan.job}/{name}", landlock.OWN


def interpreter(program: str) -> list[str]:
    """Return the folders that ``program`` needs, link by link: its environment, then its home."""
    found: list[str] = []
    while True:
        prefix = os.path.dirname(os.path.dirname(program))
        if os.path.exists(prefix + "/pyvenv.cfg"):
            found.append(prefix)
        else:
            found += [prefix.rstrip("/") + name for name in ("/bin", "/lib", "/lib64")]
        if not os.path.islink(program):
            return [path for path in dict.fromkeys(found) if os.path.exists(path)]
        program = os.path.join(os.path.dirname(program), os.readlink(program))


def required(plan: Plan) -> list[str]:
    """Return what a job's user must be able to read, or the job could not even start."""
    paths = [*interpreter(plan.argv[0]), plan.argv[0]]
    for path in plan.readable:
        paths += [path, *_children(path)]
    for name in folder.read_only(plan.job):
        paths += [name, *_children(name)]
    return paths


def title(path: str, plan: Plan) -> str:
    """Return what ``path`` is to the job, in words that name no folder of the server."""
    if path.startswith(plan.job):
        return "the job folder"
    return "its interpreter" if path in {*interpreter(plan.argv[0]), plan.argv[0]} else "the model"


def _children(path: str, most: int = 1000) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry, _ in zip(entries, range(most), strict=False)]
    except OSError:  # a file
        return []

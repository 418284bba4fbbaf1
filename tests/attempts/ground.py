"""What the attempts are made on: a service's process, its sockets, its files, another job."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

VICTIM = (
    "import ctypes, sys, time\nheld = ctypes.create_string_buffer(b'evidence', 8)\n"
    "print(ctypes.addressof(held), flush=True)\nsys.stdin.read()"
)
DISKS = ("/dev/vda", "/dev/sda", "/dev/nvme0n1")
GROUPS = ("/sys/fs/cgroup/pids/cgroup.procs", "/sys/fs/cgroup/cgroup.procs")
DETACH = 2
QUEUE = f"modelport-attempt-{os.getpid()}"
MQ_UNLINK = {"x86_64": 241, "aarch64": 181}


@contextmanager
def ground(base: Path) -> Iterator[dict[str, Any]]:
    """Furnish ``base``, which everybody may pass; yield the names that attempts may use."""
    with ExitStack() as kept:
        victim = kept.enter_context(_victim(base))
        address = int(victim.stdout.readline())
        names = {
            "VICTIM": victim.pid,
            "ADDRESS": address,
            "DISK": _present(DISKS),
            "CGROUP": _present(GROUPS),
            "PRIVATE": _file(base / "private", 0o600),
            "ROOTLY": str(base / "rootly"),
            **kept.enter_context(_listeners(base)),
        }
        if os.geteuid() == 0:
            shutil.copy("/usr/bin/id", base / "rootly")
            (base / "rootly").chmod(0o4755)
        yield names


@contextmanager
def targets(place: Path, attempts: list[str]) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Make fresh files outside of the job in ``place``: shared names, and each attempt's own."""
    outside, other, mounted = place / "outside", place / "other", place / "mounted"
    for folder in (outside, other / "out", mounted):
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    _file(other / "out" / "model", 0o666)
    own = {name: {"TARGET": _file(outside / f"{name}.txt", 0o666)} for name in attempts}
    libc = ctypes.CDLL(None)
    libc.mount(b"x", os.fsencode(mounted), b"tmpfs", 0, None)  # refused where we are not root
    try:
        shared = {"OUTSIDE": outside, "OTHER": other, "MOUNTED": mounted, "QUEUE": QUEUE}
        yield {name: str(value) for name, value in shared.items()}, own
    finally:
        libc.syscall(MQ_UNLINK[os.uname().machine], QUEUE.encode())
        libc.umount2(os.fsencode(mounted), DETACH)


@contextmanager
def _victim(base: Path) -> Iterator[Any]:
    argv = [sys.executable, "-I", "-c", VICTIM]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=base, stdin=pipe, stdout=pipe) as process:
        yield process


@contextmanager
def _listeners(base: Path) -> Iterator[dict[str, Any]]:
    abstract, path = f"\0modelport-{os.getpid()}", str(base / "socket")
    tcp, udp, unix = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.AF_UNIX
    with ExitStack() as kept:
        ports = {}
        for name, family, kind, address in (
            ("PORT", socket.AF_INET, tcp, ("127.0.0.1", 0)),
            ("PORT6", socket.AF_INET6, tcp, ("::1", 0)),
            ("UDP", socket.AF_INET, udp, ("127.0.0.1", 0)),
            ("UDP6", socket.AF_INET6, udp, ("::1", 0)),
            ("ABSTRACT", unix, tcp, abstract),
            ("UNIX", unix, tcp, path),
        ):
            try:
                link = kept.enter_context(socket.socket(family, kind))
                link.bind(address)
            except OSError:  # no IPv6 here: the attempt then has nobody to reach
                ports[name] = 9
                continue
            if kind == tcp:
                link.listen(4096)
            ports[name] = address if family == unix else link.getsockname()[1]
        Path(path).chmod(0o777)
        yield ports


def _present(paths: tuple[str, ...]) -> str:
    return next((path for path in paths if Path(path).exists()), paths[0])


def _file(path: Path, mode: int) -> str:
    path.write_text("secret")
    path.chmod(mode)
    return str(path)

"""What a process tree costs: wall time and peak resident memory, and a service to measure."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time, and bytes that the tree of processes held at most."""

    seconds: float
    memory: int


def resident(root: int) -> dict[int, int]:
    """Return the resident bytes of a process and of each of its descendants, by pid."""
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid], sizes[pid] = int(fields[1]), int(fields[21]) * PAGE
    inside = {root}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in inside} - inside
        grown = bool(more)
        inside |= more
    return {pid: sizes.get(pid, 0) for pid in inside}


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """Keep the peak of a process tree in the yielded list of one number."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], sum(resident(pid).values()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def timed(argv: Sequence[str | Path], env: dict[str, str]) -> Cost:
    """Run a command line to its end and return what it cost.

    Raises:
        RuntimeError: It failed.
    """
    begin = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in argv],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with watched(process.pid) as peak:
        said = process.communicate()[1]
    if process.returncode:
        raise RuntimeError(f"{argv[0]} ended with {process.returncode}: {said[-500:]!r}")
    return Cost(time.monotonic() - begin, peak[0])


@contextmanager
def service(scratch: Path, env: dict[str, str]) -> Iterator[tuple[str, int, float]]:
    """Start a service with an empty home; yield its address, process and seconds to an answer."""
    home = scratch / "served"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "modelport_api.cli", "serve", "--port", str(port)]
    begin = time.monotonic()
    process = subprocess.Popen(words, env={**env, "MODELPORT_HOME": str(home)})
    url = f"http://127.0.0.1:{port}"
    try:
        while time.monotonic() - begin < 60:
            try:
                urllib.request.urlopen(f"{url}/healthz", timeout=1).read()
                break
            except OSError:
                time.sleep(0.05)
        yield url, process.pid, time.monotonic() - begin
    finally:
        process.terminate()
        process.wait(timeout=60)

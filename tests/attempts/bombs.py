"""Sets off every bomb under limits and prints how far each came, as JSON.

``python bombs.py [NAMES...]``: name to ``status``, ``quantity`` (the limit that it strains),
``times`` (the most that was seen of it, in limits), ``leftover`` and ``alive`` (processes that
still bear its word). Watched from outside by a thread that looks as often as it can.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
if (HERE.parent.parent / "converters").is_dir():
    sys.path.insert(0, str(HERE.parent.parent / "converters"))

from modelport.sandbox import (  # noqa: E402  # after the path
    Limits,
    launch,
    layers,
    process_tree,
)
from modelport.sandbox import folder as job_folder  # noqa: E402

MIB = 1 << 20
LIMITS = Limits(20.0, 512 * MIB, 512 * MIB, 5000, 64, 1, 128 * MIB)
OWN = 2  # the guard and the supervisor


class Bomb(NamedTuple):
    """A program, the limit that it strains, and further limits."""

    quantity: str
    source: str
    limits: Mapping[str, Any] = MappingProxyType({})


FORK = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
DAEMON = (
    "import os, signal, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        os.setsid()\n        for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
    "        open('out/d', 'w').close(); time.sleep(600)\n    os._exit(0)\n"
    "while not os.path.exists('out/d'): time.sleep(0.01)"
)
SHARED = (
    "import mmap\nkept = []\nwhile True:\n    m = mmap.mmap(-1, 16 << 20)\n"
    "    m.write(bytes(16 << 20)); kept.append(m)"
)
BOMBS: dict[str, Bomb] = {
    "fork": Bomb("processes", FORK),
    "threads": Bomb(
        "processes",
        "import threading, time\nwhile True:\n"
        "    try: threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    except RuntimeError: pass",
    ),
    "private-memory": Bomb("memory", "k = []\nwhile True: k.append(b'x' * (16 << 20))"),
    "private-memory-of-many": Bomb(
        "memory",
        "import os, time\nfor _ in range(12):\n    if not os.fork():\n"
        "        k = b'x' * (100 << 20); time.sleep(60)\ntime.sleep(60)",
    ),
    "shared-memory": Bomb("memory", SHARED),
    "shared-memory-of-many": Bomb("memory", "import os\nos.fork(); os.fork()\n" + SHARED),
    "loop": Bomb("seconds", "while True: pass", {"seconds": 2.0}),
    "loops": Bomb("seconds", "import os\nos.fork(); os.fork()\nwhile True: pass", {"seconds": 2.0}),
    "sleep": Bomb("seconds", "import time; time.sleep(600)", {"seconds": 2.0}),
    "one-huge-file": Bomb(
        "file_size",
        "b = bytes(1 << 20)\nwith open('out/f', 'wb') as f:\n    for _ in range(10**5): f.write(b)",
    ),
    "sparse-file": Bomb("file_size", "open('out/f', 'wb').truncate(1 << 40)"),
    "many-large-files": Bomb(
        "disk",
        "b = bytes(8 << 20)\nfor n in range(10**4): open(f'out/{n}', 'wb').write(b)",
    ),
    "output": Bomb("file_size", "while True: print('x' * (1 << 20), flush=True)"),
    "ten-million-files": Bomb("files", "for n in range(10**7): open(f'out/{n}', 'w').close()"),
    "ten-million-folders": Bomb("files", "import os\nfor n in range(10**7): os.mkdir(f'tmp/{n}')"),
    "daemon": Bomb("seconds", DAEMON),
}


class Watch(threading.Thread):
    """Keeps the most that a launch of this process was seen to use."""

    def __init__(self, job: Path) -> None:
        super().__init__(daemon=True)
        self.job, self.done = job, threading.Event()
        self.most = dict.fromkeys(("processes", "memory", "disk", "files", "file_size"), 0)

    def run(self) -> None:
        """Look until told to stop."""
        while not self.done.wait(0.03):
            below = process_tree.descendants(os.getpid())
            self._note("processes", process_tree.load(below).tasks - OWN)
            self._note("memory", process_tree.load(below, shared_once=True).memory)
            self.look()

    def look(self) -> None:
        """Note what stands in the job folder."""
        disk, files, largest = job_folder.usage(str(self.job))
        for name, value in (("disk", disk), ("files", files), ("file_size", largest)):
            self._note(name, value)

    def _note(self, name: str, value: int) -> None:
        self.most[name] = max(self.most[name], value)


def burst(name: str, base: Path) -> dict[str, Any]:
    """Set off one bomb in a job folder below ``base``."""
    bomb, job = BOMBS[name], base / name
    job.mkdir()
    limits = replace(LIMITS, **bomb.limits)
    watch = Watch(job)
    watch.start()
    argv = [sys.executable, "-I", "-c", bomb.source, f"word-of-{name}-{os.getpid()}"]
    ending = launch(argv, job=job, readable=[], limits=limits, log=job / "log.txt")
    watch.done.set()
    watch.join()
    watch.look()
    seen = {**watch.most, "seconds": ending.seconds}
    return {
        "status": ending.status,
        "quantity": bomb.quantity,
        "times": round(seen[bomb.quantity] / asdict(limits)[bomb.quantity], 2),
        "seconds": ending.seconds,
        "leftover": ending.leftover,
        "alive": _bearers(argv[-1]),
    }


def _bearers(word: str) -> int:
    """Return how many processes have ``word`` in their command line, a moment later."""
    time.sleep(0.05)
    found = 0
    for pid in set(process_tree.everyone()) - {os.getpid()}:
        try:
            found += word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
    return found


def main() -> None:
    """Set off the bombs that are named, or all."""
    base = Path(tempfile.mkdtemp(prefix="modelport-bombs-"))
    base.chmod(0o711)
    try:
        told = {name: burst(name, base) for name in sys.argv[1:] or BOMBS}
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(json.dumps({"layers": dict(layers().in_force), "bombs": told}))


if __name__ == "__main__":
    main()

"""What the chaos test stands on: a home, a server and workers that are killed and started again."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from modelport_api.jobs import database, orders, supervisor
from modelport_api.jobs.engine_dbos import DbosEngine
from modelport_api.jobs.tables import models
from modelport_api.settings import Settings
from modelport_api.storage import places

RUNNER = (sys.executable, str(Path(__file__).parents[1] / "contract" / "tiny_runner.py"))
START = (
    "from modelport_api.serve import serve; from modelport_api.settings import load; serve(load())"
)
TEXT = "a\nb\nc\nd\n"
SERVER = "server"


@dataclass
class Ground:
    """Processes by name: ``server``, and each worker by its id."""

    settings: Settings
    engine: sa.Engine
    queue: DbosEngine
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    killed: dict[str, float] = field(default_factory=dict)  # when, by worker
    kills: dict[str, int] = field(default_factory=lambda: {"server": 0, "worker": 0})
    over: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str) -> None:
        """Start the server, or a worker of that id."""
        worker = ["-m", "modelport_api.jobs.worker", "--lifeline", "--id", name]
        self.processes[name] = subprocess.Popen(
            [sys.executable, *(["-c", START] if name == SERVER else worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **supervisor.environment(self.settings)},
            start_new_session=True,
        )

    def strike(self, pause: float, draw: random.Random) -> None:
        """Kill one process at random, again and again, and start it anew, until it is over."""
        while not self.over.wait(pause * draw.uniform(0.6, 1.4)):
            name = draw.choice(sorted(self.processes))
            process = self.processes.pop(name)
            process.kill()
            process.wait()
            self.kills["server" if name == SERVER else "worker"] += 1
            self.killed[name] = time.time()
            self.start(name if name == SERVER else uuid.uuid4().hex)

    def submit(self, count: int, pause: float) -> list[str]:
        """Order conversions that take four times ``pause`` seconds."""
        request = {"options": {"pause": pause}, "shapes": {}, "inputs": None, "seed": 0}
        job = {"model": "0" * 32, "name": "t", "source": "text", "target": "loud"}
        job |= {"request": {**request, "require_verified": False}}
        return [orders.submit(self.settings, self.engine, self.queue, job) for _ in range(count)]

    def end(self) -> None:
        """End every process."""
        self.over.set()
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.engine.dispose()


def ground(home: Path, database_url: str | None, workers: int) -> Ground:
    """Make a home with one model, and start a server and workers on it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values: dict[str, Any] = {"beat_seconds": 1.0, "lease_seconds": 5.0, "workers": 0, "slots": 3}
    settings = Settings(home=home, port=port, runner=RUNNER, database_url=database_url, **values)
    database.migrate(settings)
    engine = database.connect(settings)
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    places.model(home, digest).mkdir(parents=True)
    (places.model(home, digest) / "text.txt").write_text(TEXT)
    row = {"id": "0" * 32, "digest": digest, "sha256": digest, "name": "t", "size": len(TEXT)}
    more = {"source": "", "format": "text", "description": {}, "created_at": time.time()}
    files = [{"name": "text.txt", "size": len(TEXT)}]
    with engine.begin() as connection:
        connection.execute(sa.insert(models).values(**row, **more, files=files))
    found = Ground(settings, engine, DbosEngine(settings.database, poll_seconds=0.2))
    for name in (SERVER, *(uuid.uuid4().hex for _ in range(workers))):
        found.start(name)
    return found

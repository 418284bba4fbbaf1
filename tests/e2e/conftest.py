"""Starts the real service on a free port with a home of its own, for the HTTP tests."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.postgres import Postgres

from modelport.engine import House
from modelport_api.jobs import database, orders
from modelport_api.jobs.engine_dbos import DbosEngine
from modelport_api.jobs.supervisor import environment
from modelport_api.jobs.tables import models
from modelport_api.settings import Settings
from modelport_api.storage import places

START = (
    "from modelport_api.serve import serve; from modelport_api.settings import Settings; "
    "serve(Settings())"
)

POSTGRES: Postgres | None = None
DATABASES: dict[Path, str] = {}


@dataclass
class Service:
    """A running service: its address, settings, and process."""

    settings: Settings
    process: subprocess.Popen[bytes]
    client: httpx.Client
    log: Path
    seconds: float  # until the first answer
    engine: Any = None  # of the database, and the queue; of a tiny service
    queue: Any = None

    def memory(self, name: str = "VmHWM") -> int:
        """Bytes that the server process has, or had at most, in memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if name in line) * 1024

    def events(self, path: str, last: str = "", headers: Any = None) -> list[dict[str, Any]]:
        """Events of the stream at ``path`` after ``last``, to its end; ``data`` as JSON."""
        sent = {**(headers or {}), **({"last-event-id": last} if last else {})}
        found: list[dict[str, Any]] = []
        with self.client.stream("GET", path, headers=sent) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            event: dict[str, Any] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name in ("id", "event", "data"):
                    event[name] = json.loads(value) if name == "data" else value
                elif not line and event:
                    found.append(event)
                    event = {}
        return found

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [
            int(pid)
            for pid in text.split()
            if b"jobs.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def ready(self, seconds: float = 60.0) -> None:
        """Wait until a worker is alive."""
        deadline = time.monotonic() + seconds
        while not self.client.get("/readyz").json()["checks"].get("worker"):
            assert time.monotonic() < deadline, "no worker came up"
            time.sleep(0.1)

    def finished(self, id: str, seconds: float = 180.0) -> dict[str, Any]:
        """Wait until a conversion is finished and return it."""
        deadline = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = self.client.get(f"/v1/conversions/{id}").json()
            if found["state"] not in ("queued", "running"):
                return found
            assert time.monotonic() < deadline, f"conversion {id} did not finish"
            time.sleep(0.1)


@contextmanager
def service(home: Path, **values: Any) -> Iterator[Service]:
    """Give a service on 127.0.0.1 (or the ``host`` given), reachable through its client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(**{"home": home, "port": port, "database_url": _database(home), **values})
    key = values.get("api_key")
    extra = {"MODELPORT_API_KEY": key} if key else {}
    if admin := values.get("admin_key"):
        extra["MODELPORT_ADMIN_KEY"] = admin
    if secret := values.get("webhook_secret"):
        extra["MODELPORT_WEBHOOK_SECRET"] = secret
    extra["MODELPORT_WEBHOOK_ALLOW"] = ", ".join(values.get("webhook_allow", ()))
    extra["MODELPORT_ALLOWED_HOSTS"] = ", ".join(values.get("allowed_hosts", ()))
    own = {"MODELPORT_ENVS": str(House.open().envs.root), "PYTHONUNBUFFERED": "1"}
    log = home.parent / f"{home.name}.log"
    start = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", START],
            env={**os.environ, **environment(settings), **own, **extra},
            stdout=stream,
            stderr=stream,
        )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120.0, trust_env=False)
    try:
        yield Service(settings, process, client, log, _wait(process, client, log) - start)
    finally:
        client.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _database(home: Path) -> str | None:
    """The address of the database of ``home``, where the tests are to run on PostgreSQL."""
    if POSTGRES is not None and home not in DATABASES:
        DATABASES[home] = POSTGRES.database()
    return DATABASES.get(home)


@pytest.fixture(scope="session", autouse=True)
def _postgres(request: pytest.FixtureRequest) -> None:
    global POSTGRES  # noqa: PLW0603  # the services are started by a function, not by a fixture
    if os.environ.get("MODELPORT_TEST_DATABASE") == "postgres":
        POSTGRES = request.getfixturevalue("postgres")


def _wait(process: subprocess.Popen[bytes], client: httpx.Client, log: Path) -> float:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return time.monotonic()
    raise AssertionError(f"the service did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def serve() -> Any:
    """``service``, for test modules."""
    return service


TINY = str(Path(__file__).parent.parent / "contract" / "tiny_runner.py")
TEXT = "a\nb\nc\nd\n"


@contextmanager
def tiny_service(home: Path, **values: Any) -> Iterator[Service]:
    """Give a service whose runner is the tests' own, with one text as its model."""
    values = {"runner": (sys.executable, TINY), "lease_seconds": 3.0, "beat_seconds": 0.5, **values}
    with service(home, **values) as found:
        digest = hashlib.sha256(TEXT.encode()).hexdigest()
        places.model(home, digest).mkdir(parents=True)
        (places.model(home, digest) / "text.txt").write_text(TEXT)
        found.engine = database.connect(found.settings)
        found.queue = DbosEngine(found.settings.database, poll_seconds=0.2)
        row = {"id": "0" * 32, "digest": digest, "sha256": digest, "name": "文本.txt", "size": 8}
        files = [{"name": "text.txt", "size": 8}]
        more = {"source": "", "format": "text", "files": files, "description": {}}
        with found.engine.begin() as connection:
            connection.execute(sa.insert(models).values(**row, **more, created_at=time.time()))
        if found.settings.workers:
            found.ready()
        yield found
        found.engine.dispose()


@pytest.fixture(scope="session")
def serve_tiny() -> Any:
    """``tiny_service``, for test modules."""
    return tiny_service


@pytest.fixture(scope="session")
def submit() -> Any:
    """Order a conversion of the text of a tiny service, with the options of its runner."""

    def order(tiny: Service, **options: Any) -> str:
        request = {"options": options, "shapes": {}, "inputs": None, "seed": 0}
        job = {"model": "0" * 32, "name": "文本.txt", "source": "text", "target": "loud"}
        return orders.submit(tiny.settings, tiny.engine, tiny.queue, {**job, "request": request})

    return order

"""What the service rests on: no accepted job is lost, none is published twice."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from modelport_api.jobs import database, events, lease, orders, records, supervisor
from modelport_api.jobs.engine_dbos import RECOVERIES, DbosEngine
from modelport_api.jobs.port import EngineStatus
from modelport_api.jobs.tables import attempts, models, workers
from modelport_api.settings import Settings
from modelport_api.storage import places

RUNNER = (sys.executable, str(Path(__file__).with_name("tiny_runner.py")))
TEXT = "\n".join("abcdefgh") + "\n"


@dataclass
class Works:
    """A home with one model, its queue, and the workers that a test starts."""

    settings: Settings
    engine: sa.Engine
    queue: DbosEngine
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "modelport_api.jobs.worker", "--lifeline"],
            stdin=subprocess.PIPE,
            env={**os.environ, **supervisor.environment(self.settings)},
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def submit(self, **options: Any) -> str:
        request = {
            "options": options,
            "shapes": {},
            "inputs": None,
            "seed": 0,
            "require_verified": False,
        }
        job = {
            "model": "m",
            "name": "text.txt",
            "source": "text",
            "target": "loud",
            "request": request,
        }
        return orders.submit(self.settings, self.engine, self.queue, job)

    def job(self, id: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            return records.conversion(connection, id) or {}

    def until(self, what: Callable[[], Any], seconds: float = 40.0) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := what():
                return found
            time.sleep(0.05)
        pytest.fail(f"nothing of that within {seconds} s")

    def state(self, id: str, *wanted: str) -> dict[str, Any]:
        return self.until(lambda: (job := self.job(id)).get("state") in wanted and job)

    def pids(self, id: str, attempt: int = 1) -> list[int]:
        """The runner and its tool, once they run."""
        path = places.attempt(self.settings.home, id, attempt) / "pids"
        text = self.until(lambda: path.is_file() and path.read_text())
        return [int(pid) for pid in text.split()]


@pytest.fixture
def works(tmp_path: Path, database_url: str | None) -> Iterator[Works]:
    settings = Settings(
        home=tmp_path / "home",
        database_url=database_url,
        runner=RUNNER,
        slots=2,
        beat_seconds=0.4,
        lease_seconds=3.0,
    )
    database.migrate(settings)
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    folder = places.model(settings.home, digest)
    folder.mkdir(parents=True)
    (folder / "text.txt").write_text(TEXT)
    engine = database.connect(settings)
    with engine.begin() as connection:
        row = {"id": "m", "digest": digest, "sha256": digest, "name": "text.txt", "source": ""}
        files = [{"name": "text.txt", "size": len(TEXT)}]
        values = {"size": len(TEXT), "format": "text", "files": files, "description": {}}
        connection.execute(sa.insert(models).values(**row, **values, created_at=0.0))
    found = Works(settings, engine, DbosEngine(settings.database, poll_seconds=0.2))
    yield found
    for process in found.processes:
        process.kill()
        process.wait()
        process.stdin.close()
    engine.dispose()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_job_of_a_killed_worker_is_finished_by_another(works: Works) -> None:
    first = works.worker()
    job = works.submit(pause=0.4)
    orphans = works.pids(job)
    works.until(lambda: works.job(job)["fraction"] > 0.2)
    first.kill()
    works.worker()
    done = works.state(job, "converted", "failed")
    result = places.attempt(works.settings.home, job, done["attempt"]) / "result" / "out.txt"
    assert (done["state"], done["attempt"]) == ("converted", 2)
    assert result.read_text() == TEXT.upper()
    assert not any(alive(pid) for pid in orphans)
    assert not places.attempt(works.settings.home, job, 1).exists()


def test_of_many_jobs_none_is_lost_and_none_is_published_twice(works: Works) -> None:
    crew = [works.worker(), works.worker()]
    ids = [works.submit(pause=0.1) for _ in range(12)]
    for _ in range(2):
        time.sleep(2.5)
        crew.pop(0).kill()
        crew.append(works.worker())
    for id in ids:
        works.until(lambda id=id: works.job(id)["state"] == "converted", 90)
    with works.engine.connect() as connection:
        finals = [e.job for e in events.since(connection, 0) if e.data.get("finished_at")]
        starts = connection.scalar(sa.select(sa.func.count()).select_from(attempts))
    assert sorted(finals) == sorted(ids)
    assert starts >= len(ids)


def test_cancel_kills_the_running_conversion_and_its_tools(works: Works) -> None:
    works.worker()
    job = works.submit(pause=60.0)
    pids = works.pids(job)
    start = time.monotonic()
    assert orders.end(works.settings, works.engine, works.queue, job)
    works.until(lambda: not any(alive(pid) for pid in pids))
    assert time.monotonic() - start < 30.0  # of the minute that it would have lasted
    assert works.job(job)["state"] == "cancelled"
    works.until(lambda: not places.attempt(works.settings.home, job, 1).exists())


def test_a_cancelled_queued_job_never_starts(works: Works) -> None:
    job = works.submit()
    orders.end(works.settings, works.engine, works.queue, job)
    works.worker()
    works.state(works.submit(), "converted")
    assert (works.job(job)["state"], works.job(job)["attempt"]) == ("cancelled", 0)


def test_a_rolled_back_submission_leaves_nothing(works: Works) -> None:
    row = {"id": "x", "model": "m", "name": "", "source": "", "target": "", "request": {}}
    with works.engine.connect() as connection:
        records.add(connection, row)
        works.queue.submit(connection, "x", queue="base", seconds=1.0)
        connection.rollback()
    assert works.job("x") == {}
    assert works.queue.statuses(["x"]) == {"x": EngineStatus.UNKNOWN}
    assert works.queue.pending() == 0


def test_a_runner_that_dies_is_a_typed_failure(works: Works) -> None:
    works.worker()
    done = works.state(works.submit(crash=True), "converted", "failed")
    assert (done["state"], done["problem"]["code"]) == ("failed", "worker-died")
    assert done["artifacts"] == []


def test_a_job_that_outlasts_its_limit_is_timed_out(works: Works) -> None:
    works.settings = works.settings.model_copy(update={"job_seconds": 1.0})
    works.worker()
    job = works.submit(pause=5.0)
    pids = works.pids(job)
    assert works.state(job, "failed")["problem"]["code"] == "timed-out"
    assert not any(alive(pid) for pid in pids)


def test_a_job_that_kills_each_worker_is_given_up(works: Works) -> None:
    keeper = supervisor.Supervisor(works.settings)
    keeper.start()
    try:
        job = works.submit(poison=True)
        done = works.until(lambda: (j := works.job(job))["state"] == "failed" and j, 100)
    finally:
        keeper.stop()
    assert done["problem"]["code"] == "worker-died"
    assert done["attempt"] == RECOVERIES + 1


def test_a_worker_without_a_lease_ends_itself(works: Works) -> None:
    worker = works.worker()
    with works.engine.connect() as connection:
        id = works.until(lambda: connection.scalar(sa.select(workers.c.id)))
    lease.drop(works.engine, id)
    assert worker.wait(20) == lease.LOST


def test_a_worker_dies_with_the_process_that_started_it(works: Works) -> None:
    worker = works.worker()
    pids = works.pids(works.submit(pause=5.0))
    worker.stdin.close()
    assert worker.wait(20) == 0
    works.until(lambda: not any(alive(pid) for pid in pids))


def test_a_stopped_worker_hands_its_job_back_at_once(works: Works) -> None:
    first = works.worker()
    job = works.submit(pause=0.3)
    works.pids(job)
    first.send_signal(signal.SIGTERM)
    first.wait(10)
    works.worker()
    assert works.state(job, "converted")["attempt"] == 2

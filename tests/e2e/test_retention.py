"""What is deleted when, and that it is gone then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from modelport_api.jobs import orders
from modelport_api.jobs.supervisor import environment
from modelport_api.jobs.tables import attempts, events, jobs, models
from modelport_api.storage import janitor, places

JOB = {"model": "0" * 32, "name": "text.txt", "source": "text", "target": "loud"}
REQUEST = {"options": {}, "shapes": {}, "inputs": None, "seed": 0}
DAY = 24 * 3600.0


@pytest.fixture
def tiny(serve_tiny: Any, tmp_path: Path) -> Iterator[Any]:
    with serve_tiny(tmp_path / "home") as found:
        yield found


def submit(tiny: Any, retention: str = "", **options: Any) -> str:
    job = {**JOB, "request": {**REQUEST, "options": options}, "retention": retention}
    return str(orders.submit(tiny.settings, tiny.engine, tiny.queue, job))


def found(tiny: Any, days: float = 0.0) -> set[tuple[str, str]]:
    """What the janitor would delete after so many days."""
    told = janitor.findings(tiny.settings, tiny.engine, time.time() + days * DAY)
    return {(one.kind, one.id) for one in told}


def left(tiny: Any, id: str) -> list[str]:
    """Where a conversion is still to be found: rows by their table, and its folder."""
    columns = {"jobs": jobs.c.id, "attempts": attempts.c.job, "events": events.c.job}
    with tiny.engine.connect() as connection:
        rows = [
            name
            for name, column in columns.items()
            if connection.scalar(sa.select(sa.func.count()).where(column == id))
        ]
    return rows + (["files"] if places.job(tiny.settings.home, id).exists() else [])


def test_the_janitor_deletes_what_is_old_and_nothing_else(tiny: Any) -> None:
    old, kept = submit(tiny), submit(tiny, "keep")
    tiny.finished(old)
    tiny.finished(kept)
    assert found(tiny, 0.9) == set()
    later = found(tiny, 1.1)
    assert {("conversion", old), ("model", "0" * 32)} <= later
    assert ("conversion", kept) not in later
    running = submit(tiny, pause=9.0)
    assert ("model", "0" * 32) not in found(tiny, 1.1)
    sweep = janitor.findings(tiny.settings, tiny.engine, time.time() + 1.1 * DAY)
    janitor.sweep(tiny.settings, tiny.engine, sweep)
    assert left(tiny, old) == []
    assert tiny.client.get(f"/v1/conversions/{kept}").json()["state"] == "converted"
    assert tiny.client.get(f"/v1/conversions/{running}").status_code == 200
    assert places.model(tiny.settings.home, _digest(tiny)).is_dir()


def _digest(tiny: Any) -> str:
    with tiny.engine.connect() as connection:
        return str(connection.scalar(sa.select(models.c.digest)))


def test_a_model_that_is_needed_again_is_not_deleted(tiny: Any) -> None:
    sweep = janitor.findings(tiny.settings, tiny.engine, time.time() + 2 * DAY)
    submit(tiny, pause=9.0)
    janitor.sweep(tiny.settings, tiny.engine, sweep)
    assert places.model(tiny.settings.home, _digest(tiny)).is_dir()


def test_a_model_that_is_to_be_kept_is_kept(tiny: Any) -> None:
    path = f"/v1/models/{'0' * 32}"
    assert tiny.client.patch(path, json={"kept": True}).json()["kept"]
    assert found(tiny, 99) == set()
    tiny.client.patch(path, json={"kept": False})
    assert found(tiny, 99) == {("model", "0" * 32)}
    gone = tiny.client.patch(f"/v1/models/{'f' * 32}", json={"kept": True})
    assert gone.status_code == 404


def test_files_that_no_row_knows_are_deleted_once_they_are_old(tiny: Any) -> None:
    path = tiny.settings.home / "jobs" / uuid.uuid4().hex
    (path / "1").mkdir(parents=True)
    assert found(tiny) == set()
    os.utime(path, (0, 0))
    assert found(tiny) == {("folder", f"jobs/{path.name}")}
    janitor.sweep(tiny.settings, tiny.engine, janitor.findings(tiny.settings, tiny.engine, 0.0))
    assert path.exists()
    told = janitor.findings(tiny.settings, tiny.engine, time.time())
    janitor.sweep(tiny.settings, tiny.engine, told)
    assert not path.exists()


def test_a_download_deletes_what_is_kept_until_then(tiny: Any) -> None:
    id = submit(tiny, "download")
    tiny.finished(id)
    assert tiny.client.get(f"/v1/conversions/{id}/artifacts/out.txt").status_code == 200
    assert left(tiny, id) != []
    assert tiny.client.get(f"/v1/conversions/{id}/bundle.zip").content[:2] == b"PK"
    deadline = time.monotonic() + 20
    while left(tiny, id) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left(tiny, id) == []


def test_delete_leaves_nothing(tiny: Any) -> None:
    id = submit(tiny)
    tiny.finished(id)
    assert tiny.client.delete(f"/v1/conversions/{id}").status_code == 204
    assert left(tiny, id) == []


def test_a_dry_run_says_the_same_and_deletes_nothing(tiny: Any) -> None:
    id = submit(tiny)
    tiny.finished(id)
    with tiny.engine.begin() as connection:
        connection.execute(sa.update(jobs).values(finished_at=1.0))
    told = []
    for words in (["--dry-run"], []):
        done = subprocess.run(
            [sys.executable, "-m", "modelport_api.cli", "janitor", "--json", *words],
            env={**os.environ, **environment(tiny.settings)},
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(json.loads(done.stdout))
        assert (left(tiny, id) == []) is not bool(words)
    assert told[0]["findings"] == told[1]["findings"]
    assert [one["kind"] for one in told[0]["findings"]] == ["conversion"]
    assert [one["deleted"] for one in told] == [False, True]

"""What a worker does with one job id: begin an attempt, run it, publish its outcome.

Delivery is at least once. Each attempt writes to a folder of its own, and one guarded
UPDATE decides whether its outcome becomes the job's; otherwise the folder is removed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from modelport.errors import WorkerDied
from modelport_api.jobs import child, records
from modelport_api.jobs.port import EngineStatus, Handler, JobEngine
from modelport_api.jobs.tables import models
from modelport_api.settings import Settings
from modelport_api.storage import places

Json = dict[str, Any]
LOG = logging.getLogger("modelport")


def handler(settings: Settings, engine: sa.Engine, worker: str) -> Handler:
    """Return the function that the job engine calls with each job id."""

    async def handle(job: str) -> None:
        attempt = await asyncio.to_thread(records.begin, engine, job, worker)
        if attempt is None:
            return
        folder = places.attempt(settings.home, job, attempt)
        kept = False
        try:
            await asyncio.to_thread(_prepare, settings, engine, job, folder)
            kept = await _attempt(settings, engine, job, attempt, folder)
        finally:
            if not kept:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    return handle


async def _attempt(
    settings: Settings, engine: sa.Engine, job: str, attempt: int, folder: Path
) -> bool:
    async def report(update: Json | None) -> bool:
        if update is None:
            return await asyncio.to_thread(records.owns, engine, job, attempt)
        return await asyncio.to_thread(records.progress, engine, job, attempt, update)

    try:
        outcome = await child.run(
            settings.runner, folder, seconds=settings.job_seconds, report=report
        )
    except child.Superseded:
        return False
    published = await asyncio.to_thread(records.publish, engine, job, attempt, outcome)
    if published:
        problem = outcome.get("problem") or {}
        ended = problem.get("code") or outcome.get("verdict")
        told = {"conversion": job, "attempt": attempt, "ended": ended}
        LOG.info("conversion %s, attempt %s: %s", job, attempt, ended, extra={"told": told})
    return published


def _prepare(settings: Settings, engine: sa.Engine, job: str, folder: Path) -> None:
    # An earlier attempt has lost the job, and with it the right to its folder.
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    with engine.connect() as connection:
        request = records.request(connection, job)
        query = sa.select(models.c.digest, models.c.files, models.c.source)
        model = connection.execute(query.where(models.c.id == request["model"])).one()
    root = places.model(settings.home, model.digest)
    inputs = request["inputs"]
    content = {
        **request,
        "source": model.source,
        "files": [str(root / entry["name"]) for entry in model.files],
        "inputs": inputs and str(places.inputs(settings.home, inputs)),
    }
    (folder / "request.json").write_text(json.dumps(content), encoding="utf-8")


def reconcile(engine: sa.Engine, queue: JobEngine) -> int:
    """Close the jobs that the queue has given up; return how many.

    A finished job's row is final before the queue says so, so an open row of an ended
    delivery means that the delivery failed.
    """
    reasons = {
        EngineStatus.DEAD: "the conversion took its worker down each time it was tried",
        EngineStatus.CANCELLED: "the conversion was stopped because it ran out of time",
        EngineStatus.FAILED: "the conversion could not be started",
        EngineStatus.DONE: "the conversion ended without a result",
    }
    closed = 0
    for job, status in queue.statuses(records.unfinished(engine)).items():
        if status in reasons:
            error = WorkerDied(reasons[status], hint="Read the service's log, then try again.")
            closed += records.close(engine, job, error.to_json())
    return closed

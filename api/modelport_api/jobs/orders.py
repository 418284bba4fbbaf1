"""What a user can order: a conversion, its end, its removal."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from modelport.errors import Busy
from modelport_api.jobs import records
from modelport_api.jobs.port import QUEUE, JobEngine
from modelport_api.jobs.tables import batches
from modelport_api.settings import Settings
from modelport_api.storage import places

Json = dict[str, Any]
LOG = logging.getLogger("modelport")


def submit(settings: Settings, engine: sa.Engine, queue: JobEngine, job: Json) -> str:
    """Accept a conversion and return its id; row and place in the queue are one commit.

    Args:
        settings: For the limits.
        engine: The database.
        queue: The job engine.
        job: ``model``, ``name``, ``source``, ``target`` and ``request``.

    Raises:
        Busy: Too many are waiting.
    """
    return submit_all(settings, engine, queue, [job])[0]


def submit_all(
    settings: Settings,
    engine: sa.Engine,
    queue: JobEngine,
    jobs: Sequence[Json],
    batch: Json | None = None,
) -> list[str]:
    """Accept several conversions, all or none, and their ``batch`` with them; return their ids.

    Raises:
        Busy: Too many are waiting.
    """
    if queue.pending() + len(jobs) > settings.queue_limit:
        raise Busy(f"{settings.queue_limit} conversions may wait", hint="Try again in a minute.")
    ids = [uuid.uuid4().hex for _ in jobs]
    with engine.begin() as connection:
        if batch is not None:
            connection.execute(sa.insert(batches).values(**batch))
        for id, job in zip(ids, jobs, strict=True):
            records.add(connection, {"id": id, "batch": batch and batch["id"], **job})
            queue.submit(connection, id, queue=QUEUE, seconds=settings.job_seconds)
    for id, job in zip(ids, jobs, strict=True):
        told = {"conversion": id, "source": job["source"], "target": job["target"]}
        LOG.info("conversion %s accepted: %s to %s", *told.values(), extra={"told": told})
    return ids


def end(settings: Settings, engine: sa.Engine, queue: JobEngine, job: str) -> bool:
    """Cancel an open job, or delete a finished one; return whether it was cancelled.

    A cancelled job is final at once for its user; what runs of it is killed within two
    seconds, because its row says so even where the queue's word is lost.
    """
    if cancel(engine, queue, job):
        return True
    with engine.begin() as connection:
        records.delete(connection, job)
    shutil.rmtree(places.job(settings.home, job), ignore_errors=True)
    return False


def cancel(engine: sa.Engine, queue: JobEngine, job: str) -> bool:
    """Cancel an open job; False if it was finished."""
    if not records.close(engine, job, None):
        return False
    queue.cancel(job)
    return True

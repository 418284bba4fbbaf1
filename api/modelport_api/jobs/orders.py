"""What a user can order: a conversion, its end, its removal."""

from __future__ import annotations

import logging
import shutil
import uuid
from typing import Any

import sqlalchemy as sa

from modelport.errors import Busy
from modelport_api.jobs import records
from modelport_api.jobs.port import QUEUE, JobEngine
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
    if queue.pending() >= settings.queue_limit:
        raise Busy(f"{settings.queue_limit} conversions are waiting", hint="Try again in a minute.")
    id = uuid.uuid4().hex
    with engine.begin() as connection:
        records.add(connection, {"id": id, **job})
        queue.submit(connection, id, queue=QUEUE, seconds=settings.job_seconds)
    told = {"conversion": id, "source": job["source"], "target": job["target"]}
    LOG.info("conversion %s accepted: %s to %s", *told.values(), extra={"told": told})
    return id


def end(settings: Settings, engine: sa.Engine, queue: JobEngine, job: str) -> bool:
    """Cancel an open job, or delete a finished one; return whether it was cancelled.

    A cancelled job is final at once for its user; what runs of it is killed within two
    seconds, because its row says so even where the queue's word is lost.
    """
    if records.close(engine, job, None):
        queue.cancel(job)
        return True
    with engine.begin() as connection:
        records.delete(connection, job)
    shutil.rmtree(places.job(settings.home, job), ignore_errors=True)
    return False

"""Calls that are to be made: entered in the transaction of what they tell, so that none is lost."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from modelport_api.jobs import clock, figures, groups
from modelport_api.jobs.tables import OPEN, batches, deliveries, jobs

Json = dict[str, Any]
SENDING_SECONDS = 120.0  # after which a call whose sender died is made again


@dataclass(frozen=True)
class Call:
    """One call to be made now; ``attempt`` counts from 1."""

    id: str
    url: str
    body: str
    attempt: int


def ended(connection: sa.Connection, job: str, view: Json) -> None:
    """Enter the calls of a conversion that ended, and of its batch if it was the last of it."""
    row = connection.execute(sa.select(jobs.c.callback, jobs.c.batch).where(jobs.c.id == job)).one()
    if row.callback:
        _enter(connection, job, row.callback, "conversion.finished", view)
    if row.batch is None:
        return
    # Locked, or of two that end at once neither would see that none is left.
    query = sa.select(batches.c.callback).where(batches.c.id == row.batch).with_for_update()
    callback = connection.scalar(query)
    if not callback:
        return
    left = sa.select(jobs.c.id).where(jobs.c.batch == row.batch, jobs.c.state.in_(OPEN)).limit(1)
    if connection.scalar(left) is None:
        told = groups.summary(connection, row.batch) or {}
        _enter(connection, row.batch, callback, "batch.finished", told)


def _enter(connection: sa.Connection, subject: str, url: str, kind: str, data: Json) -> None:
    now = time.time()
    body = {"type": kind, "timestamp": clock.stamp(now), "data": data}
    values = {"id": uuid.uuid4().hex, "subject": subject, "url": url, "body": json.dumps(body)}
    connection.execute(sa.insert(deliveries).values(**values, created_at=now, due_at=now))


def take(engine: sa.Engine, most: int) -> list[Call]:
    """Take calls that are due; nobody else takes them before ``SENDING_SECONDS`` are over."""
    now = time.time()
    taken = []
    with engine.begin() as connection:
        query = sa.select(deliveries).where(deliveries.c.due_at <= now)
        for row in connection.execute(query.order_by(deliveries.c.due_at).limit(most)).all():
            mine = connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id == row.id, deliveries.c.attempt == row.attempt)
                .where(deliveries.c.due_at == row.due_at)
                .values(attempt=row.attempt + 1, due_at=now + SENDING_SECONDS)
            ).rowcount
            if mine:
                taken.append(Call(row.id, row.url, row.body, row.attempt + 1))
    return taken


def settle(engine: sa.Engine, call: Call, *, said: str, pause: float | None, word: str) -> None:
    """Write down how a call went: ``pause`` seconds to the next, None if there is none."""
    due = None if pause is None else time.time() + pause
    with engine.begin() as connection:
        changed = connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.id == call.id, deliveries.c.attempt == call.attempt)
            .values(due_at=due, said=said[:200])
        ).rowcount
        if changed:
            figures.count(connection, "modelport_webhooks", word)

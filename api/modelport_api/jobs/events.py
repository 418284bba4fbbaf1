"""The history of a job: append-only rows, and one tailer a process that hands them on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from modelport_api.jobs.tables import events

STAGE, STATE = "stage", "state"
TAIL_SECONDS = 0.3
# PostgreSQL gives numbers before it commits, so that a smaller one may appear after a larger.
WINDOW = 200
Json = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One row: ``stage`` (how far it is) or ``state`` (the whole conversion)."""

    id: int
    job: str
    kind: str
    data: Json


def append(connection: sa.Connection, job: str, kind: str, data: Json) -> None:
    """Add an event in the caller's transaction."""
    connection.execute(sa.insert(events).values(job=job, at=time.time(), kind=kind, data=data))


def since(connection: sa.Connection, last: int, of: Collection[str] | None = None) -> list[Event]:
    """Return the events with a larger id than ``last``, of some jobs or of all."""
    query = sa.select(events.c.id, events.c.job, events.c.kind, events.c.data)
    query = query.where(events.c.id > last).order_by(events.c.id)
    if of is not None:
        query = query.where(events.c.job.in_(of))
    return [Event(*row) for row in connection.execute(query)]


def newest(connection: sa.Connection) -> int:
    """Return the largest id given so far, or 0."""
    return connection.scalar(sa.select(sa.func.max(events.c.id))) or 0


class Tailer:
    """Reads new events while anybody listens, once a process however many listen."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._listeners: dict[asyncio.Queue[Event], frozenset[str]] = {}
        self._task: asyncio.Task[None] | None = None

    async def follow(self, of: Collection[str], last: int) -> AsyncIterator[Event]:
        """Yield the events of some jobs after ``last``, old ones first, without end."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners[queue] = frozenset(of)
        try:
            # Listening before reading the past: what falls between is seen twice, not never.
            if self._task is None or self._task.done():
                start = await run_in_threadpool(self._newest)
                if self._task is None or self._task.done():
                    self._task = asyncio.create_task(self._tail(start))
            # By job: those of one job are committed in the order of their ids, those of several
            # need not be.
            seen: dict[str, int] = {}
            for event in await run_in_threadpool(self._since, last, of):
                seen[event.job] = event.id
                yield event
            while True:
                event = await queue.get()
                if event.id > seen.get(event.job, last):
                    seen[event.job] = event.id
                    yield event
        finally:
            del self._listeners[queue]

    async def stop(self) -> None:
        """End the tailer."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _tail(self, last: int) -> None:
        window = WINDOW if self._engine.dialect.name == "postgresql" else 0
        sent: set[int] = set()
        while self._listeners:
            for event in await run_in_threadpool(self._since, last - window, None):
                if event.id in sent:
                    continue
                last = max(last, event.id)
                sent.add(event.id)
                for queue, of in self._listeners.items():
                    if event.job in of:
                        queue.put_nowait(event)
            sent = {id for id in sent if id > last - window}
            await asyncio.sleep(TAIL_SECONDS)

    def _newest(self) -> int:
        with self._engine.connect() as connection:
            return newest(connection)

    def _since(self, last: int, of: Collection[str] | None) -> list[Event]:
        with self._engine.connect() as connection:
            return since(connection, last, of)

"""Events of a job as server-sent events, for conversions and for builds of environments."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

from fastapi import Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from modelport_api.desk import Desk
from modelport_api.jobs import events

PING_SECONDS = 15
NEWEST = 2**63 - 1  # what a database holds of an event's number
Final = Callable[[events.Event], bool]


async def stream(
    desk: Desk, job: str, last_event_id: str, *, live: Callable[[], bool], final: Final
) -> Response:
    """Return the events of ``job`` after the one that the watcher has seen; 204 if none will come.

    Args:
        desk: The service's own.
        job: Whose events are wanted.
        last_event_id: What the watcher sent; nonsense counts as nothing seen.
        live: Whether more events will come; asked once, in a thread.
        final: Whether an event is the last.
    """
    known = last_event_id.isdecimal() and last_event_id.isascii()
    last = min(int(last_event_id), NEWEST) if known else 0
    more = await run_in_threadpool(live)
    past = [] if more else await run_in_threadpool(_since, desk, job, last)
    if not more and not past:
        return Response(status_code=204)
    told = desk.tailer.follow(job, last) if more else _over(past)
    # Proxies must pass each event on at once.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_sent(told, final), ping=PING_SECONDS, headers=headers)


def _since(desk: Desk, job: str, last: int) -> list[events.Event]:
    with desk.engine.connect() as connection:
        return events.since(connection, last, job)


async def _over(past: list[events.Event]) -> AsyncIterator[events.Event]:
    for event in past:
        yield event


async def _sent(told: AsyncIterator[events.Event], final: Final) -> AsyncIterator[ServerSentEvent]:
    async for event in told:
        data = json.dumps(event.data, ensure_ascii=False)
        yield ServerSentEvent(data, event=event.kind, id=str(event.id))
        if final(event):
            return

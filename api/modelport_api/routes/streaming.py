"""Events as server-sent events: of a conversion, of a batch, of the build of an environment."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

from fastapi import Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from modelport_api.desk import Desk
from modelport_api.jobs import events

PING_SECONDS = 15
NEWEST = 2**63 - 1  # what a database holds of an event's number
Final = Callable[[events.Event], bool]
Beside = Callable[[events.Event], tuple[str, dict[str, Any]] | None]


async def stream(
    desk: Desk,
    of: Collection[str],
    last_event_id: str,
    *,
    live: Callable[[], bool],
    final: Final,
    beside: Beside | None = None,
) -> Response:
    """Return the events of some jobs after the one that was seen last; 204 if none will come.

    Args:
        desk: The service's own.
        of: Jobs whose events are wanted.
        last_event_id: What the watcher sent; nonsense counts as nothing seen.
        live: Whether more events will come; asked once, in a thread.
        final: Whether an event is the last.
        beside: What else to tell after an event, by kind and data; called in a thread.
    """
    known = last_event_id.isdecimal() and last_event_id.isascii()
    last = min(int(last_event_id), NEWEST) if known else 0
    more = await run_in_threadpool(live)
    past = [] if more else await run_in_threadpool(_since, desk, of, last)
    if not more and not past:
        return Response(status_code=204)
    told = desk.tailer.follow(of, last) if more else _over(past)
    # Proxies must pass each event on at once.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_sent(told, final, beside), ping=PING_SECONDS, headers=headers)


def _since(desk: Desk, of: Collection[str], last: int) -> list[events.Event]:
    with desk.engine.connect() as connection:
        return events.since(connection, last, of)


async def _over(past: list[events.Event]) -> AsyncIterator[events.Event]:
    for event in past:
        yield event


async def _sent(
    told: AsyncIterator[events.Event], final: Final, beside: Beside | None
) -> AsyncIterator[ServerSentEvent]:
    async for event in told:
        data = json.dumps(event.data, ensure_ascii=False)
        yield ServerSentEvent(data, event=event.kind, id=str(event.id))
        if beside and (more := await run_in_threadpool(beside, event)):
            yield ServerSentEvent(json.dumps(more[1], ensure_ascii=False), event=more[0])
        if final(event):
            return

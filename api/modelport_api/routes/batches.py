"""``/v1/batches``: many conversions ordered at once, with one summary and one stream of events."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool

from modelport.errors import ModelportError
from modelport_api import batches, schemas
from modelport_api.desk import Desk, OurDesk
from modelport_api.jobs import events, groups, orders, records
from modelport_api.jobs.tables import OPEN
from modelport_api.problems import BadRequest, NotFound
from modelport_api.routes import conversions, streaming

router = APIRouter(prefix="/batches", tags=["batches"])
MOST = 100  # conversions of one batch
Json = dict[str, Any]


@router.post("", status_code=202, response_model=batches.Batch)
def post_batch(wish: batches.BatchWish, response: Response, desk: OurDesk) -> Any:  # noqa: ANN401
    """Order a conversion of each model to each target.

    What cannot work is refused one by one, and listed; the request is refused only if
    nothing is left. What is accepted is accepted together.
    """
    wishes, callback = _wishes(wish), conversions.called(desk, wish.callback)
    jobs, refused, first = [], [], None
    for one in wishes:
        try:
            jobs.append(conversions.checked(desk, one))
        except ModelportError as error:
            first = first or error
            refused.append({"model": one.model, "target": one.target, "problem": error.to_json()})
    if first is not None and not jobs:
        raise first
    batch = {
        "id": uuid.uuid4().hex,
        "refused": refused,
        "callback": callback,
        "created_at": time.time(),
    }
    orders.submit_all(desk.settings, desk.engine, desk.queue, jobs, batch)
    response.headers["Location"] = f"/v1/batches/{batch['id']}"
    return _found(desk, str(batch["id"]))


@router.get("/{id}", response_model=batches.Batch)
def get_batch(id: str, desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """Show what has become of a batch."""
    return _found(desk, id)


@router.delete(
    "/{id}",
    status_code=204,
    response_class=Response,
    responses={202: {"model": batches.Batch, "description": "It was open: cancelled"}},
)
def delete_batch(id: str, desk: OurDesk) -> Response:
    """Cancel what is open of a batch; delete a finished one with its conversions and files."""
    found = _found(desk, id)
    if found["finished"]:
        for one in found["conversions"]:
            orders.end(desk.settings, desk.engine, desk.queue, one["id"])
        with desk.engine.begin() as connection:
            groups.delete(connection, id)
        return Response(status_code=204)
    for one in found["conversions"]:
        if one["state"] in OPEN:
            orders.cancel(desk.engine, desk.queue, one["id"])
    cancelled = batches.Batch.model_validate(_found(desk, id))
    return Response(cancelled.model_dump_json(), 202, media_type="application/json")


@router.get(
    "/{id}/events",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        204: {"description": "It is finished, and nothing is newer than Last-Event-ID"},
    },
)
async def watch_batch(
    id: str, desk: OurDesk, last_event_id: Annotated[str, Header(max_length=20)] = ""
) -> Response:
    """Stream the events of all conversions, and a ``summary`` after each that ends."""
    found = await run_in_threadpool(_found, desk, id)
    members = [one["id"] for one in found["conversions"]]
    open = {one["id"] for one in found["conversions"] if one["state"] in OPEN}
    live = bool(open)

    def final(event: events.Event) -> bool:
        if conversions.ended(event):
            open.discard(event.job)
        return live and not open

    def beside(event: events.Event) -> tuple[str, Json] | None:
        return ("summary", _summary(desk, id)) if conversions.ended(event) else None

    return await streaming.stream(
        desk, members, last_event_id, live=lambda: live, final=final, beside=beside
    )


def _wishes(wish: batches.BatchWish) -> Sequence[schemas.Wish]:
    models, targets = dict.fromkeys(wish.models), dict.fromkeys(wish.targets)
    if len(models) * len(targets) > MOST:
        raise BadRequest(f"more than {MOST} conversions", hint="Order them in several batches.")
    common = wish.model_dump(exclude={"models", "targets", "options", "callback"})
    return [
        schemas.Wish(model=model, target=target, options=wish.options.get(target, {}), **common)
        for model in models
        for target in targets
    ]


def _summary(desk: Desk, id: str) -> Json:
    with desk.engine.connect() as connection:
        found = groups.summary(connection, id)
    if found is None:
        raise NotFound(f"no batch {id[:64]}", hint="It may have been deleted.")
    return found


def _found(desk: Desk, id: str) -> Json:
    found = _summary(desk, id)
    with desk.engine.connect() as connection:
        rows = [records.conversion(connection, one) for one in groups.members(connection, id)]
    return {**found, "conversions": [row for row in rows if row is not None]}

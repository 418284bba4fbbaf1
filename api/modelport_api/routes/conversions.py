"""``/v1/conversions``: order them, watch them, end them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from sse_starlette import EventSourceResponse

from modelport import engine as core
from modelport.engine.candidates import check_options
from modelport_api import schemas
from modelport_api.desk import Desk, OurDesk
from modelport_api.jobs import events, orders, records
from modelport_api.jobs.tables import OPEN
from modelport_api.problems import BadRequest, NotFound
from modelport_api.routes import streaming
from modelport_api.storage import models, places
from modelport_api.webhooks import address

router = APIRouter(tags=["conversions"])
Json = dict[str, Any]


def find(desk: Desk, id: str) -> Json:
    """Return the conversion ``id``.

    Raises:
        NotFound: There is none.
    """
    with desk.engine.connect() as connection:
        found = records.conversion(connection, id)
    if found is None:
        raise NotFound(f"no conversion {id[:64]}", hint="It may have been deleted.")
    return found


def order(desk: Desk, wish: schemas.Wish) -> Json:
    """Accept a conversion, or refuse at once what cannot work; raises as ``checked``."""
    return find(desk, orders.submit(desk.settings, desk.engine, desk.queue, checked(desk, wish)))


def checked(desk: Desk, wish: schemas.Wish) -> Json:
    """Return the row of a conversion that can be accepted.

    Raises:
        NotFound: No such model or inputs.
        NoRoute: Nothing leads to the target.
        Unavailable: What leads there is not installed.
        BadOption: An option is unknown or out of its limits, or a version is not offered.
        BadRequest: The callback may not be called.
    """
    callback = called(desk, wish.callback)
    model = models.find(desk, wish.model)
    for inputs in (wish.inputs, wish.calibration):
        if inputs is not None and not places.inputs(desk.settings.home, inputs).is_file():
            raise NotFound(f"no inputs {inputs}", hint="Upload them first.")
    source = model["format"]["id"]
    for name in wish.using or [""]:
        names = [name] if name else []
        house = core.using(desk.house, names)
        check_options(core.routes_of(source, wish.target, house, names), wish.options)
    return {
        "model": wish.model,
        "name": model["name"],
        "source": source,
        "target": wish.target,
        "request": wish.model_dump(exclude={"model", "target", "callback", "retention"}),
        "callback": callback,
        "retention": wish.retention,
    }


def called(desk: Desk, callback: str | None) -> str | None:
    """Return the address of a callback.

    Raises:
        BadRequest: This service makes none, or none there.
    """
    if callback is None:
        return None
    if desk.settings.webhook_secret is None:
        raise BadRequest("callback: this service has no MODELPORT_WEBHOOK_SECRET to sign with")
    address.checked(callback, desk.settings.webhook_allow)
    return callback


@router.post("/conversions", status_code=202, response_model=schemas.Conversion)
def post_conversion(wish: schemas.Wish, response: Response, desk: OurDesk) -> Any:  # noqa: ANN401
    """Order a conversion of an uploaded model."""
    accepted = order(desk, wish)
    response.headers["Location"] = f"/v1/conversions/{accepted['id']}"
    return accepted


@router.get("/conversions", response_model=schemas.Conversions)
def list_conversions(
    desk: OurDesk,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(max_length=64)] = None,
) -> Any:  # noqa: ANN401  # the schema checks it
    """List conversions, newest first."""
    with desk.engine.connect() as connection:
        try:
            page, cursor = records.conversions(connection, limit=limit, after=after)
        except LookupError as error:
            raise BadRequest(f"after: no conversion {after}") from error
    return {"conversions": page, "next": cursor}


@router.get("/conversions/{id}", response_model=schemas.Conversion)
def get_conversion(id: str, desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """Show how far a conversion has come."""
    return find(desk, id)


@router.delete(
    "/conversions/{id}",
    status_code=204,
    response_class=Response,
    responses={202: {"model": schemas.Conversion, "description": "It was open: cancelled"}},
)
def delete_conversion(id: str, desk: OurDesk) -> Response:
    """Cancel an open conversion, or delete a finished one with its files."""
    find(desk, id)
    if not orders.end(desk.settings, desk.engine, desk.queue, id):
        return Response(status_code=204)
    cancelled = schemas.Conversion.model_validate(find(desk, id))
    return Response(cancelled.model_dump_json(), 202, media_type="application/json")


@router.get(
    "/conversions/{id}/events",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        204: {"description": "It is finished, and nothing is newer than Last-Event-ID"},
    },
)
async def watch(
    id: str,
    desk: OurDesk,
    last_event_id: Annotated[str, Header(max_length=20)] = "",
) -> Response:
    """Stream ``stage`` and ``state`` events until the conversion is finished."""

    def live() -> bool:
        return find(desk, id)["state"] in OPEN

    return await streaming.stream(desk, [id], last_event_id, live=live, final=ended)


def ended(event: events.Event) -> bool:
    """Whether an event tells the final state of a conversion."""
    return event.kind == events.STATE and event.data["state"] not in OPEN

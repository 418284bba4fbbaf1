"""``/v1/environments``: what converters run in; building and deleting it is the operator's."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from sse_starlette import EventSourceResponse

from modelport.engine import House
from modelport.envs import BUILDING, MEDIA_TYPE, packages_of
from modelport_api import bill, builds, schemas
from modelport_api.auth.scope import Administrator
from modelport_api.desk import Desk, OurDesk
from modelport_api.jobs import events, records
from modelport_api.problems import InUse, NotFound
from modelport_api.routes import results, streaming

router = APIRouter(tags=["environments"])
Json = dict[str, Any]
BILL: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"schema": {}}}}}


@router.get("/environments", response_model=schemas.Environments)
def list_environments(desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """List the environments, and what is missing for those that are not ready."""
    return {"environments": [_told(desk, name) for name in sorted(desk.house.envs.known)]}


@router.get("/environments/{name}", response_model=schemas.Environment)
def get_environment(name: str, desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """Show one environment and what is installed in it."""
    return _told(desk, _known(desk.house, name))


@router.post(
    "/environments/{name}",
    status_code=202,
    response_model=schemas.Environment,
    responses={200: {"model": schemas.Environment, "description": "It is ready already"}},
    dependencies=[Administrator],
)
def build_environment(name: str, desk: OurDesk, response: Response) -> Any:  # noqa: ANN401
    """Build an environment, or mend a broken one, in the background; needs the network."""
    envs = desk.house.envs
    if envs.status(_known(desk.house, name)).ready and not envs.fault(name):
        response.status_code = 200
    else:
        desk.builder.start(name, lambda name: _told(desk, name))
        response.headers["Location"] = f"/v1/environments/{name}"
    return _told(desk, name)


@router.delete(
    "/environments/{name}",
    status_code=204,
    response_class=Response,
    dependencies=[Administrator],
)
def delete_environment(name: str, desk: OurDesk) -> Response:
    """End the building of an environment and delete what stands of it."""
    envs = desk.house.envs
    ours = desk.builder.stop(_known(desk.house, name))
    if not ours and envs.status(name).state == BUILDING:
        raise InUse(f"another process builds {name}", hint="End that, then delete it.")
    if records.unfinished(desk.engine):
        raise InUse("conversions are under way", hint="Delete it when they are finished.")
    envs.remove(name)
    return Response(status_code=204)


@router.get(
    "/environments/{name}/events",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        204: {"description": "It is not being built, and nothing is newer than Last-Event-ID"},
    },
)
async def watch_environment(
    name: str, desk: OurDesk, last_event_id: Annotated[str, Header(max_length=20)] = ""
) -> Response:
    """Stream ``stage`` and ``state`` events of the latest build that this service was asked for."""

    def live() -> bool:
        return desk.builder.running(_known(desk.house, name))

    def final(event: events.Event) -> bool:
        return event.kind == events.STATE and event.data["state"] != BUILDING

    job = builds.key(name)
    return await streaming.stream(desk, [job], last_event_id, live=live, final=final)


@router.get("/environments/{name}/sbom", response_class=Response, responses=BILL)
def get_bill(name: str, desk: OurDesk) -> Response:
    """Give an environment's bill of materials (CycloneDX); ``service`` is the service itself."""
    own = name == bill.NAME
    text = bill.service_bill() if own else desk.house.envs.bill(_known(desk.house, name))
    headers = {"Content-Disposition": results.attachment(f"{name}.cdx.json")}
    return Response(text, headers=headers, media_type=MEDIA_TYPE)


def _known(house: House, name: str) -> str:
    if name not in house.envs.known:
        raise NotFound(f"no environment {name[:64]}", hint="GET /v1/environments lists them.")
    return name


def _told(desk: Desk, name: str) -> Json:
    house = desk.house
    status = house.envs.status(name)
    state = BUILDING if desk.builder.running(name) else status.state
    reason = builds.pathless(status.reason)
    return {
        "name": name,
        "python": house.envs.known[name].python,
        "state": state,
        "ready": status.ready,
        "size": status.size,
        "shared": status.shared,
        "digest": house.envs.digest(name),
        "reason": f"{reason}; run {status.command}" if status.command else "",
        "command": status.command,
        "requires": list(house.envs.known[name].requires),
        "packages": packages_of(status.root) if status.ready else [],
    }

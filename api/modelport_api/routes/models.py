"""``/v1/models`` and ``/v1/inputs``: what is uploaded."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from modelport import engine as core
from modelport.errors import BadInputs
from modelport_api import schemas
from modelport_api.desk import Desk, OurDesk
from modelport_api.storage import models, places, resumable, room, uploads

router = APIRouter(tags=["models"])
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            },
        },
    }
}


async def upload(request: Request, desk: Desk, filename: str, source: str) -> tuple[Any, bool, Any]:
    """Receive one model; return it, whether it is new, and the fields of the form."""
    with places.staging(desk.settings.home) as staging:
        folder = staging / "files"
        folder.mkdir()
        sink = await uploads.receive(
            request, folder, desk.settings, filename=filename, room=partial(room.check, desk)
        )
        come = uploads.Come(tuple(folder / file.name for file in sink.files), tuple(sink.files))
        model, new = await to_thread.run_sync(
            models.keep, desk, come, staging / "work", source, limiter=desk.inspections
        )
    return model, new, sink.fields


@router.put(
    "/models",
    status_code=201,
    response_model=schemas.Model,
    responses={200: {"model": schemas.Model, "description": "It was here already"}},
    openapi_extra=BODY,
)
async def put_model(
    request: Request, response: Response, desk: OurDesk, filename: str = "", source: str = ""
) -> Any:  # noqa: ANN401  # the schema checks it
    """Upload a model: one file as the body, or several files as a form.

    The name of a single file comes from ``filename`` or Content-Disposition; ``source``
    names its format where it is ambiguous.
    """
    model, new, _ = await upload(request, desk, filename, source)
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/models/{model['id']}"
    return model


@router.post(
    "/models",
    status_code=201,
    response_model=schemas.Model,
    responses={200: {"model": schemas.Model, "description": "It was here already"}},
)
async def post_model(asked: schemas.Uploaded, response: Response, desk: OurDesk) -> Any:  # noqa: ANN401
    """Make a model of one or more finished resumable uploads.

    They are used up by it. After a refusal they are still there, for the case that a file
    was missing.
    """
    async with AsyncExitStack() as turns:
        # In one order, so that two requests never wait for each other.
        for id in sorted(set(asked.uploads)):
            await turns.enter_async_context(desk.arrivals.turn(id))
        come = await run_in_threadpool(resumable.finished, desk, asked.uploads)
        with places.staging(desk.settings.home) as staging:
            model, new = await to_thread.run_sync(
                models.keep, desk, come, staging / "work", asked.source, limiter=desk.inspections
            )
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/models/{model['id']}"
    return model


@router.get("/models", response_model=schemas.Models)
def list_models(
    desk: OurDesk,
    sha256: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> Any:  # noqa: ANN401  # the schema checks it
    """List the models, newest first; ``sha256`` asks whether a file needs uploading at all."""
    return {"models": models.listed(desk, sha256), "next": None}


@router.get("/models/{id}", response_model=schemas.Model)
def get_model(id: str, desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """Show what a model is, and what it can become."""
    return models.find(desk, id)


@router.patch("/models/{id}", response_model=schemas.Model)
def patch_model(id: str, asked: schemas.Keeping, desk: OurDesk) -> Any:  # noqa: ANN401
    """Keep a model until it is deleted, or as long as the service keeps models."""
    return models.keep_on(desk, id, kept=asked.kept)


@router.delete("/models/{id}", status_code=204)
def delete_model(id: str, desk: OurDesk) -> None:
    """Delete a model; its finished conversions stay."""
    models.delete(desk, id)


@router.put("/inputs", status_code=201, response_model=schemas.Inputs, openapi_extra=BODY)
async def put_inputs(request: Request, desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """Upload arrays by input name as an ``.npz`` file, for verification or calibration."""
    home = desk.settings.home
    with places.staging(home) as folder:
        sink = await uploads.receive(
            request, folder, desk.settings, filename="inputs.npz", room=partial(room.check, desk)
        )
        if len(sink.files) != 1:
            raise BadInputs("more than one file", hint="Send one .npz file.")
        path = folder / sink.files[0].name
        await run_in_threadpool(core.check_inputs, path)
        id = uuid.uuid4().hex
        places.inputs(home, id).parent.mkdir(parents=True, exist_ok=True)
        path.replace(places.inputs(home, id))
    return {"id": id, "size": sink.total}

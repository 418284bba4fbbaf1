"""``POST /v1/convert``: a file in, a verified bundle out; for scripts and pipelines."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from modelport_api import problems, schemas
from modelport_api.desk import Desk, OurDesk
from modelport_api.jobs import events
from modelport_api.jobs.tables import CONVERTED, OPEN
from modelport_api.routes import conversions, models, results

router = APIRouter(tags=["conversions"])
WORDS = frozenset({"verified", "alike", "different", "structural", "unverified"})
Json = dict[str, Any]
Texts = Annotated[list[str], Query()]


@router.post(
    "/convert",
    openapi_extra=models.BODY,
    response_class=StreamingResponse,
    responses={**results.ZIP, 202: {"model": schemas.Conversion, "description": "Not finished"}},
)
async def convert(
    request: Request,
    desk: OurDesk,
    *,
    to: Annotated[str, Query(min_length=1, max_length=200, description="Target, e.g. ncnn")],
    wait: Annotated[float, Query(ge=0, le=3600, description="Seconds")] = 300,
    accept: Annotated[str, Query(description="Verdicts besides verified")] = "",
    filename: str = "",
    source: str = "",
    seed: Annotated[int, Query(ge=0, lt=2**32)] = 0,
    inputs: str | None = None,
    set: Texts = [],  # noqa: B006  # FastAPI copies it
    shape: Texts = [],  # noqa: B006  # FastAPI copies it
) -> Response:
    """Convert the uploaded model and answer with the bundle if it is verified.

    ``set=NAME=VALUE`` and ``shape=NAME=1,3,224,224`` repeat, in the query or the form.
    """
    accepted = {"verified", *(word.strip() for word in accept.split(",") if word.strip())}
    if not accepted <= WORDS:
        raise problems.BadRequest("accept: not a verdict", hint=f"Use {', '.join(sorted(WORDS))}.")
    model, _, fields = await models.upload(request, desk, filename, source)
    asked = wish(
        model=model["id"],
        target=to,
        seed=seed,
        inputs=inputs,
        options=pairs([*set, *fields.get("set", [])]),
        shapes=shapes([*shape, *fields.get("shape", [])]),
    )
    job = await run_in_threadpool(conversions.order, desk, asked)
    return await run_in_threadpool(_answer, desk, await _end(desk, job, wait), accepted)


async def _end(desk: Desk, job: Json, wait: float) -> Json:
    """Return the conversion as it is when it is finished, or after ``wait`` seconds."""
    now = job
    try:
        async with asyncio.timeout(wait):
            async for event in desk.tailer.follow([job["id"]], 0):
                if event.kind == events.STATE:
                    now = event.data
                    if now["state"] not in OPEN:
                        break
    except TimeoutError:
        pass
    return now


def _answer(desk: Desk, job: Json, accepted: set[str]) -> Response:
    headers = {"Modelport-Conversion": job["id"], "Modelport-Verdict": job["verdict"] or ""}
    if job["state"] in OPEN:
        location = {"Location": f"/v1/conversions/{job['id']}"}
        return JSONResponse(job, 202, {**headers, **location})
    if job["state"] == CONVERTED and job["verdict"] in accepted:
        chunks, more = results.packed(desk, job)
        return StreamingResponse(chunks, 200, {**headers, **more}, "application/zip")
    problem = (
        job["problem"]
        or problems.NotVerified(
            f"the verdict is {job['verdict']}: {job['reason']}",
            hint=f"Read the report, or send accept={job['verdict']} to have it anyway.",
            step="verify",
        ).to_json()
    )
    code = problems.status_of(problem["code"])
    report = results.root(desk, job) / "report.json"
    told = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else None
    document = {**problems.document(problem, code), "report": told}
    return JSONResponse(document, code, headers, problems.MEDIA_TYPE)


def wish(**values: Any) -> schemas.Wish:  # noqa: ANN401  # the schema checks them
    """Return the conversion asked for.

    Raises:
        BadRequest: A value is out of its limits; says which.
    """
    try:
        return schemas.Wish(**values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise problems.BadRequest(f"{place}: {first['msg'].lower()}") from error


def pairs(texts: list[str]) -> dict[str, str]:
    """Return ``{name: value}`` of texts like ``fp16=yes``; BadRequest where a value is missing."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise problems.BadRequest(f"{text[:100]!r} has no value", hint="Write NAME=VALUE.")
        found[name] = value
    return found


def shapes(texts: list[str]) -> dict[str, list[int]]:
    """Return ``{input: sizes}`` of texts like ``x=1,3,224,224``; BadRequest for others."""
    try:
        # From the right, because the name of an input may hold "=".
        found = [text.rpartition("=") for text in texts]
        return {name: [int(size) for size in sizes.split(",")] for name, _, sizes in found}
    except ValueError as error:
        hint = "Write NAME=1,3,224,224."
        raise problems.BadRequest("shape: not a list of sizes", hint=hint) from error

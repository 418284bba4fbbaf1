"""What a finished conversion left: artefacts, bundle, report, logs."""

from __future__ import annotations

import base64
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.background import BackgroundTask

from modelport_api.auth.guard import REPORT_POLICY
from modelport_api.desk import Desk, OurDesk
from modelport_api.jobs import orders, records
from modelport_api.jobs.tables import OPEN
from modelport_api.problems import NotFinished, NotFound
from modelport_api.routes.conversions import find
from modelport_api.storage import bundle, deliveries, places

router = APIRouter(prefix="/conversions/{id}", tags=["results"])
REPORTS = ("report.json", "report.html")
BINARY: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"format": "binary"}}}}
}
ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"format": "binary"}}}}
}
UNQUOTED = '"\\%'
Json = dict[str, Any]


def attachment(name: str) -> str:
    """Return the Content-Disposition of a download (RFC 6266, RFC 5987).

    Control characters are left out: some would end the header, others turn a name around.
    """
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C") or "file"
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in UNQUOTED else "_" for c in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def root(desk: Desk, conversion: Json) -> Path:
    """Return the folder of the winning attempt's result; it may not be there."""
    attempt = places.attempt(desk.settings.home, conversion["id"], conversion["attempt"])
    return attempt / "result"


def finished(desk: Desk, id: str) -> Json:
    """Return the conversion ``id``.

    Raises:
        NotFound: There is none.
        NotFinished: It waits or runs.
    """
    found = find(desk, id)
    if found["state"] in OPEN:
        raise NotFinished(f"the conversion is {found['state']}", hint="Wait until it is finished.")
    return found


def packed(desk: Desk, conversion: Json) -> tuple[Iterator[bytes], dict[str, str]]:
    """Return the bundle of a finished conversion as chunks, and its headers."""
    folder = root(desk, conversion)
    names = [entry["name"] for entry in conversion["artifacts"]]
    names += [name for name in REPORTS if (folder / name).is_file()]
    names += [f"logs/{path.name}" for path in sorted(folder.glob("logs/*")) if path.is_file()]
    if not names:
        raise NotFound("the conversion left nothing", hint="Read its problem.")
    stem = Path(conversion["name"]).stem or "model"
    name = f"{stem}.{conversion['target']}.zip"
    return bundle.stream(folder, names), {"Content-Disposition": attachment(name)}


@router.get("/artifacts/{name:path}", response_class=FileResponse, responses=BINARY)
def get_artifact(id: str, name: str, desk: OurDesk) -> Response:
    """Download one file of the result."""
    conversion = finished(desk, id)
    entry = next((e for e in conversion["artifacts"] if e["name"] == name), None)
    if entry is None:
        raise NotFound("no such artefact", hint="The conversion lists those there are.")
    found = deliveries.descriptor(root(desk, conversion), name, entry["size"])
    digest = base64.b64encode(bytes.fromhex(entry["sha256"])).decode()
    headers = {
        "Content-Disposition": attachment(name.rpartition("/")[2]),
        "Repr-Digest": f"sha-256=:{digest}:",
        "ETag": f'"{entry["sha256"]}"',
    }
    return deliveries.Delivery(found, headers, "application/octet-stream")


@router.get("/bundle.zip", response_class=StreamingResponse, responses=ZIP)
def get_bundle(id: str, desk: OurDesk) -> Response:
    """Download the artefacts with the report and the logs.

    A conversion with ``retention: download`` is deleted once all of it has been sent.
    """
    chunks, headers = packed(desk, finished(desk, id))
    with desk.engine.connect() as connection:
        fetched = records.retention(connection, id) == "download"
    done = BackgroundTask(orders.end, desk.settings, desk.engine, desk.queue, id)
    return StreamingResponse(
        chunks,
        headers=headers,
        media_type="application/zip",
        background=done if fetched else None,
    )


@router.get(
    "/report",
    response_class=FileResponse,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)
def get_report(id: str, desk: OurDesk, accept: Annotated[str, Header()] = "") -> Response:
    """Show the report: JSON, or the page where ``Accept`` asks for HTML."""
    page = "text/html" in accept.lower()
    return _report(desk, id, "report.html" if page else "report.json")


@router.get(
    "/report.html", response_class=FileResponse, responses={200: {"content": {"text/html": {}}}}
)
def get_report_page(id: str, desk: OurDesk) -> Response:
    """Show the report as a page."""
    return _report(desk, id, "report.html")


@router.get("/log", response_class=PlainTextResponse)
def get_log(id: str, desk: OurDesk) -> Response:
    """Show what the tools printed, step by step."""
    folder = root(desk, find(desk, id))
    paths = sorted(folder.glob("logs/*")) or sorted(folder.parent.glob("work/logs/*"))
    return StreamingResponse(_joined(paths), media_type="text/plain; charset=utf-8")


def _joined(paths: list[Path]) -> Iterator[bytes]:
    for path in paths:
        yield f"==> {path.name} <==\n".encode()
        with os.fdopen(deliveries.descriptor(path.parent, path.name), "rb") as stream:
            while chunk := stream.read(bundle.CHUNK):
                yield chunk
        yield b"\n"


def _report(desk: Desk, id: str, name: str) -> Response:
    folder = root(desk, finished(desk, id))
    if not (folder / name).is_file():
        raise NotFound("the conversion left no report", hint="Read its problem.")
    html = name.endswith(".html")
    headers = {"Content-Security-Policy": REPORT_POLICY} if html else {}
    media_type = "text/html; charset=utf-8" if html else "application/json"
    return deliveries.Delivery(deliveries.descriptor(folder, name), headers, media_type)

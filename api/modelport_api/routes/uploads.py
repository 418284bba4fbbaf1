"""``/v1/uploads``: uploads that go on where they broke off, by tus 1.0.

Source: tus.io/protocols/resumable-upload, version 1.0.0: core, creation,
creation-with-upload, termination, expiration, checksum.
"""

from __future__ import annotations

import base64
import binascii
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from modelport_api import schemas
from modelport_api.desk import OurDesk
from modelport_api.jobs import clock
from modelport_api.problems import BadRequest, WrongMedia, WrongVersion
from modelport_api.storage import resumable
from modelport_api.storage.arrivals import ALGORITHMS, Checksum
from modelport_api.storage.resumable import Upload

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"
PIECE = "application/offset+octet-stream"
METADATA = 4096  # characters; what we read of it is a name
DIGITS = 19  # of a number of bytes below 2**63
BODY: dict[str, Any] = {
    "requestBody": {"content": {PIECE: {"schema": {"type": "string", "format": "binary"}}}}
}


def _speaks(tus_resumable: Annotated[str, Header(max_length=20)] = "") -> None:
    """Refuse a client of another version, as every request but OPTIONS must be."""
    if tus_resumable != VERSION:
        raise WrongVersion(
            "Tus-Resumable: not 1.0.0", hint="Use a client for tus 1.0, or PUT /v1/models."
        )


router = APIRouter(prefix="/uploads", tags=["uploads"])
SPOKEN = [Depends(_speaks)]
Number = Annotated[str, Header(max_length=40)]


@router.options("", status_code=204, response_class=Response)
def describe_uploads(desk: OurDesk) -> Response:
    """Say which parts of tus 1.0 are spoken, and the largest upload."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(desk.settings.upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


@router.post("", status_code=201, response_class=Response, dependencies=SPOKEN, openapi_extra=BODY)
async def post_upload(
    request: Request,
    desk: OurDesk,
    *,
    upload_length: Number = "",
    upload_metadata: Annotated[str, Header(max_length=METADATA)] = "",
    upload_checksum: Annotated[str, Header(max_length=200)] = "",
) -> Response:
    """Begin an upload; ``filename`` in ``Upload-Metadata`` is the file's name.

    With a body of ``application/offset+octet-stream``, its first bytes come along.
    """
    size, name = _number("Upload-Length", upload_length), _name(upload_metadata)
    checksum = _checksum(upload_checksum)
    made = await run_in_threadpool(resumable.create, desk, size, name, upload_metadata)
    if _kind(request) == PIECE:
        try:
            made = await resumable.append(desk, made.id, 0, request.stream(), checksum)
        except ClientDisconnect:
            return Response(status_code=204)  # nobody hears it
    return Response(status_code=201, headers={"Location": f"/v1/uploads/{made.id}", **_told(made)})


@router.get("/{id}", response_model=schemas.Upload)
def get_upload(id: str, desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """Show how far an upload has come, and its digest once it is whole."""
    found = resumable.find(desk, id)
    names = ("id", "name", "size", "offset", "sha256")
    return {
        **{name: getattr(found, name) for name in names},
        "expires_at": clock.stamp(found.expires_at),
    }


@router.head("/{id}", response_class=Response, dependencies=SPOKEN)
async def head_upload(id: str, desk: OurDesk) -> Response:
    """Say where to go on; a request that still writes this upload lets go of it."""
    async with desk.arrivals.turn(id):
        found = await run_in_threadpool(resumable.find, desk, id)
    headers = {"Upload-Length": str(found.size), **_told(found)}
    if found.metadata:
        headers["Upload-Metadata"] = found.metadata
    return Response(headers=headers)


@router.patch(
    "/{id}",
    status_code=204,
    response_class=Response,
    dependencies=SPOKEN,
    openapi_extra=BODY,
    responses={460: {"description": "The bytes are not those of the checksum"}},
)
async def patch_upload(
    id: str,
    request: Request,
    desk: OurDesk,
    upload_offset: Number = "",
    upload_checksum: Annotated[str, Header(max_length=200)] = "",
) -> Response:
    """Add the next bytes; what came before the connection broke is kept."""
    if _kind(request) != PIECE:
        raise WrongMedia(f"Content-Type: not {PIECE}")
    start, checksum = _number("Upload-Offset", upload_offset), _checksum(upload_checksum)
    try:
        now = await resumable.append(desk, id, start, request.stream(), checksum)
    except ClientDisconnect:
        return Response(status_code=204)  # nobody hears it
    return Response(status_code=204, headers=_told(now))


@router.delete("/{id}", status_code=204, response_class=Response, dependencies=SPOKEN)
async def delete_upload(id: str, desk: OurDesk) -> Response:
    """Give an upload up; its bytes are deleted."""
    async with desk.arrivals.turn(id):
        await run_in_threadpool(resumable.remove, desk, id)
    return Response(status_code=204)


@router.post("/{id}", status_code=204, response_class=Response, include_in_schema=False)
async def post_to_upload(
    id: str,
    request: Request,
    desk: OurDesk,
    *,
    tus_resumable: Annotated[str, Header(max_length=20)] = "",
    x_http_method_override: Annotated[str, Header(max_length=10)] = "",
    upload_offset: Number = "",
    upload_checksum: Annotated[str, Header(max_length=200)] = "",
) -> Response:
    """Do what ``X-HTTP-Method-Override`` says, for clients that know no PATCH or DELETE."""
    _speaks(tus_resumable)
    if x_http_method_override.upper() == "PATCH":
        return await patch_upload(id, request, desk, upload_offset, upload_checksum)
    if x_http_method_override.upper() == "DELETE":
        return await delete_upload(id, desk)
    raise BadRequest("X-HTTP-Method-Override: neither PATCH nor DELETE")


def _told(upload: Upload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": formatdate(upload.expires_at, usegmt=True),
    }


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _number(header: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < DIGITS):
        raise BadRequest(f"{header}: not a number of bytes")
    return int(text)


def _name(metadata: str) -> str:
    """Return the file's name of an ``Upload-Metadata`` header; "" where it has none.

    Raises:
        BadRequest: It is malformed.
    """
    found: dict[str, str] = {}
    for pair in metadata.split(",") if metadata else ():
        key, _, value = pair.strip().partition(" ")
        try:
            text = base64.b64decode(value, validate=True).decode(errors="replace")
        except (binascii.Error, ValueError) as error:
            raise BadRequest("Upload-Metadata: a value is not base64") from error
        if not key or not key.isascii() or key in found:
            raise BadRequest("Upload-Metadata: a key is missing, twice there, or not ASCII")
        found[key] = text
    return found.get("filename", "")


def _checksum(header: str) -> Checksum | None:
    if not header:
        return None
    algorithm, _, value = header.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("Upload-Checksum: not base64") from error
    if algorithm not in ALGORITHMS or len(digest) != ALGORITHMS[algorithm]().digest_size:
        known = ", ".join(ALGORITHMS)
        raise BadRequest("Upload-Checksum: not a checksum that we know", hint=f"Use {known}.")
    return Checksum(algorithm, digest)

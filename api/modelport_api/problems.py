"""Errors to HTTP: one table from class to status, one shape for every refusal (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from modelport import errors

LOG = logging.getLogger("modelport")
MEDIA_TYPE = "application/problem+json"
Json = dict[str, Any]


class RequestError(errors.ModelportError):
    """The request is to blame, not the model."""


class BadRequest(RequestError):
    """A parameter or the body is malformed."""

    code = "bad-request"
    title = "Bad request"


class NotFound(RequestError):
    """There is no such thing, or no longer."""

    code = "not-found"
    title = "Not found"


class NotAllowed(RequestError):
    """The method does not fit the address."""

    code = "method-not-allowed"
    title = "Method not allowed"


class NotFinished(RequestError):
    """The conversion has not got that far."""

    code = "not-finished"
    title = "Not finished"


class InUse(RequestError):
    """An open conversion needs it."""

    code = "in-use"
    title = "In use"


class Unauthorised(RequestError):
    """No key, or a wrong one."""

    code = "unauthorised"
    title = "A key is needed"


class Forbidden(RequestError):
    """Another web page, or another name for this machine, may not ask."""

    code = "forbidden"
    title = "Forbidden"


class OffsetConflict(RequestError):
    """The upload has another number of bytes than the client thinks."""

    code = "offset-conflict"
    title = "Another offset"


class Locked(RequestError):
    """Another request is at work on it."""

    code = "locked"
    title = "Locked"
    retry = True


class ChecksumMismatch(RequestError):
    """The bytes that came are not those that were sent."""

    code = "checksum-mismatch"
    title = "Checksum mismatch"
    retry = True


class WrongVersion(RequestError):
    """The client speaks another version of the protocol for uploads."""

    code = "wrong-version"
    title = "Another version"


class WrongMedia(RequestError):
    """The body is of another kind than this address takes."""

    code = "wrong-media"
    title = "Another kind of body"


class NotVerified(RequestError):
    """The verdict is not among those that were accepted."""

    code = "not-verified"
    title = "Not verified"


STATUS: dict[type[errors.ModelportError], int] = {
    BadRequest: 400,
    NotFound: 404,
    NotAllowed: 405,
    NotFinished: 409,
    InUse: 409,
    OffsetConflict: 409,
    WrongVersion: 412,
    WrongMedia: 415,
    Locked: 423,
    ChecksumMismatch: 460,  # of tus 1.0
    Unauthorised: 401,
    Forbidden: 403,
    NotVerified: 422,
    errors.UnknownFormat: 415,
    errors.TooLarge: 413,
    errors.InputError: 400,
    errors.Unavailable: 503,
    errors.RouteError: 422,
    errors.StepError: 422,
    errors.TimedOut: 504,
    errors.OutOfMemory: 507,
    errors.DiskFull: 507,
    errors.Busy: 429,
    errors.ResourceError: 503,
    errors.Cancelled: 409,
    errors.SandboxRefused: 503,
    errors.HouseError: 500,
    errors.ModelportError: 500,
}
BY_HTTP: dict[int, type[errors.ModelportError]] = {404: NotFound, 405: NotAllowed}
HEADERS: dict[type[errors.ModelportError], dict[str, str]] = {
    Unauthorised: {"WWW-Authenticate": "Bearer"},
    WrongVersion: {"Tus-Version": "1.0.0"},
    errors.Busy: {"Retry-After": "60"},
}


def status(error: type[errors.ModelportError]) -> int:
    """Return the status of the nearest class in the table."""
    return next(STATUS[cls] for cls in error.__mro__ if cls in STATUS)


def status_of(code: str) -> int:
    """Return the status of a code that stands in a record."""
    known = {**errors.BY_CODE, NotVerified.code: NotVerified}
    return status(known.get(code, errors.HouseError))


def document(problem: Mapping[str, Any], code: int) -> Json:
    """Return the problem document of an error as it stands in a report."""
    return {"type": "about:blank", "status": code, **problem}


def response(error: errors.ModelportError, extra: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the answer to a request that ended with ``error``."""
    code = status(type(error))
    told = {key: _sendable(value) for key, value in error.to_json().items()}
    headers = {**HEADERS.get(type(error), {}), **(extra or {})}
    return JSONResponse(document(told, code), code, headers, MEDIA_TYPE)


def _sendable(value: Any) -> Any:  # noqa: ANN401  # any of an error's members
    """Return a text without lone surrogates, which JSON may hold and UTF-8 may not."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` with a problem document."""

    def ours(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, errors.ModelportError)  # noqa: S101  # registered for it
        return response(error)

    def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it
        return response(BadRequest(_first(error), hint="Correct the request, then send it again."))

    def http(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101  # registered for it
        kind = BY_HTTP.get(error.status_code, BadRequest)
        return response(kind(str(error.detail).lower()), error.headers)

    def unexpected(request: Request, error: Exception) -> JSONResponse:
        LOG.error("%s %r", request.method, request.url.path, exc_info=error)
        message = "the service failed at this request; its log says more"
        return response(errors.PluginBug(message, step="service"))

    app.add_exception_handler(errors.ModelportError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def _first(error: RequestValidationError) -> str:
    found = error.errors()[0]
    place = ".".join(str(part) for part in found["loc"]) or "body"
    return f"{place}: {str(found['msg'])[:200].lower()}"

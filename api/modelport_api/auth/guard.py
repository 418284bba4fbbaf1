"""Stands before the routes: key, host, origin, size of small bodies, security headers."""

from __future__ import annotations

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelport.errors import ModelportError, TooLarge
from modelport_api import logs, problems
from modelport_api.auth import keys
from modelport_api.auth.scope import MEMBER
from modelport_api.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Stricter than urllib, for which "[::1].example" is a way to write "::1".
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
OPEN = ("/healthz", "/readyz")
UPLOADS = frozenset({"PUT /v1/models", "PUT /v1/inputs", "POST /v1/convert"})
RESUMABLE = "/v1/uploads"
# What is no page of ours, an artefact or an answer, may do nothing if a browser shows it.
POLICY = "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Element Plus positions its pop-ups by style attributes; scripts get no such leave.
PAGE_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' "
    "data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SECURITY = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware; ``key`` is the digest that a request's key must have, or None.

    ``admin`` is that of the operator's key, "" where nobody has one, None where all are it.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, key: str | None, admin: str | None
    ) -> None:
        self._app = app
        self._key = key
        self._admin = admin
        self._body_bytes = settings.body_bytes
        self._hosts = LOOPBACK | {name.lower() for name in settings.allowed_hosts}
        if settings.loopback:
            self._hosts |= {settings.host}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        request = _request_id(Headers(scope=scope).get("x-request-id", ""))
        logs.REQUEST.set(request)

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(RESUMABLE):
                    headers.setdefault("tus-resumable", "1.0.0")
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            scope[MEMBER] = self._check(scope["method"], scope["path"], Headers(scope=scope))
            _check_address(scope)
            if scope["method"] not in SAFE and not _streamed(scope["method"], scope["path"]):
                receive = await self._small(receive)
        except ModelportError as error:
            await problems.response(error)(scope, receive, headed)
            return
        await self._app(scope, receive, headed)

    def _check(self, method: str, path: str, headers: Headers) -> bool:
        """Refuse strangers; return whether it is the operator who asks.

        Without a key, the danger is another web page in the user's browser: by a name
        that it had pointed at this machine (host), or by a form or script (origin).
        """
        given = headers.get("x-api-key") or _bearer(headers.get("authorization", ""))
        operator = self._admin is None or (self._admin != "" and keys.fits(given, self._admin))
        if self._key is None:
            self._check_host(headers.get("host", ""))
            if method not in SAFE:
                _check_origin(headers)
        elif path == "/metrics" or path.startswith("/v1/"):
            self._check_key(given, operator=operator)
        return operator

    def _check_key(self, given: str, *, operator: bool) -> None:
        if not operator and not keys.fits(given, self._key or ""):
            raise problems.Unauthorised(
                "this service wants a key", hint="Send it as Authorization: Bearer KEY."
            )

    def _check_host(self, host: str) -> None:
        name = _host(host)[0]
        if "*" not in self._hosts and name not in self._hosts:
            raise problems.Forbidden(
                f"this service does not answer to the name {name[:100] or 'none'}",
                hint="Ask the operator to add it to MODELPORT_ALLOWED_HOSTS.",
            )

    async def _small(self, receive: Receive) -> Receive:
        """Read the body, as long as it is small, and return what gives it again."""
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                break
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._body_bytes:
                raise TooLarge(f"the body is larger than {self._body_bytes} bytes")
        kept: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return kept.pop() if kept else await receive()

        return again


def _check_address(scope: Scope) -> None:
    """Refuse a zero byte, which PostgreSQL takes in no text: every lookup would fail there."""
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise problems.BadRequest("the address holds a zero byte")


def _request_id(given: str) -> str:
    """Return the id that a proxy gave the request, or a fresh one where it gave none."""
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _streamed(method: str, path: str) -> bool:
    """Whether the body is a model, which its route writes to disk as it comes."""
    return f"{method} {path}" in UPLOADS or path == RESUMABLE or path.startswith(f"{RESUMABLE}/")


def _check_origin(headers: Headers) -> None:
    origin = headers.get("origin")
    theirs = _host((origin or "").partition("://")[2])[1]
    same = origin is None or theirs == headers.get("host", "").lower() != ""
    if not same or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise problems.Forbidden(
            "another web page may not do this", hint="Open the service's own page."
        )


def _host(text: str) -> tuple[str, str]:
    """Return host name, and host with port, in lower case; empty if it is malformed."""
    found = HOST.fullmatch(text)
    return (found[1].strip("[]").lower(), text.lower()) if found else ("", "")


def _bearer(header: str) -> str:
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""

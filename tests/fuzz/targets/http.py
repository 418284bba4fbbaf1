"""Requests to the whole application: query, headers and body are the stranger's.

The first byte chooses method and path; then come, with zero bytes between them, what is
put into the path, the query, headers a line each, and the body.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from shelf import home

from modelport.errors import ModelportError
from modelport_api.app import create
from modelport_api.jobs.tables import jobs, models
from modelport_api.routes import oneshot
from modelport_api.settings import Settings

MODEL, JOB = "0" * 32, "1" * 32
ROUTES = (
    *(("POST", "/v1/conversions"), ("POST", "/v1/conversions"), ("GET", "/v1/conversions")),
    *(("GET", "/v1/conversions/{}"), ("GET", f"/v1/conversions/{JOB}/events")),
    *(("GET", f"/v1/conversions/{JOB}/artifacts/{{}}"), ("GET", f"/v1/conversions/{JOB}/report")),
    *(("PUT", "/v1/inputs"), ("PUT", "/v1/models"), ("POST", "/v1/convert"), ("GET", "/v1/routes")),
    *(("GET", "/{}"), ("GET", "/v1/models/{}"), ("DELETE", "/v1/conversions/{}")),
    ("GET", "/assets/{}"),
)  # fmt: skip
BODYLESS = {"/v1/models", "/v1/convert"}
"""Where a body would be inspected in a sandbox, which takes a second: other targets have it."""


class Service:
    """The application with its database, started once."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="modelport-fuzz-http-", dir=home()))
        self.loop = asyncio.new_event_loop()
        atexit.register(self.close)
        settings = Settings(home=self.home, queue_limit=4, disk_reserve=0, body_bytes=65536)
        self.app = create(settings)
        self.lifespan = self.app.router.lifespan_context(self.app)
        self.loop.run_until_complete(self.lifespan.__aenter__())
        self.loop.run_until_complete(asyncio.to_thread(lambda: self.app.state.desk.house))
        row = {"digest": MODEL, "sha256": MODEL, "name": "net.onnx", "size": 1, "source": ""}
        files = {"format": "onnx", "files": [], "description": {}, "created_at": 1.0}
        done = {"id": JOB, "model": MODEL, "name": "net.onnx", "source": "onnx", "target": "ncnn"}
        with self.app.state.desk.engine.begin() as connection:
            connection.execute(sa.insert(models).values(id=MODEL, **row, **files))
            connection.execute(
                sa.insert(jobs).values(**done, request={}, state="converted", created_at=2.0)
            )

    def close(self) -> None:
        """Stop, and remove the home."""
        self.loop.run_until_complete(self.lifespan.__aexit__(None, None, None))
        self.loop.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def ask(self, scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        return self.loop.run_until_complete(self._ask(scope, body))

    async def _ask(self, scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
        sent = [{"type": "http.request", "body": body, "more_body": False}]
        answer: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return sent.pop() if sent else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            answer.append(message)

        with contextlib.suppress(Exception):  # sent as 500 before it is raised again
            await self.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in answer[1:])
        return (answer[0]["status"] if answer else 500), text


SERVICE: list[Service] = []


def target(data: bytes) -> None:
    """Send the request: the answer is never 500, and a refusal is a problem document."""
    if not SERVICE:
        SERVICE.append(Service())
    place, query, headers, body = (*data[1:].split(b"\0", 3), b"", b"", b"", b"")[:4]
    method, path = ROUTES[data[0] % len(ROUTES)] if data else ROUTES[0]
    path = path.format(place.decode("utf-8", "replace"))
    pairs = [line.partition(b":")[::2] for line in headers.split(b"\n") if b":" in line]
    given = [(name.strip().lower(), value.strip()) for name, value in pairs]
    if not any(name == b"host" for name, _ in given):
        given.append((b"host", b"localhost"))
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": given,
        "server": ("localhost", 8000),
        "client": ("127.0.0.1", 9),
    }
    status, text = SERVICE[0].ask(scope, b"" if path in BODYLESS else body)
    assert status != 500, f"{method} {path}: {text[:300]!r}"
    if status >= 400:
        assert {"code", "title", "detail", "hint"} <= set(json.loads(text.decode()))
    shutil.rmtree(SERVICE[0].home / "inputs", ignore_errors=True)
    _written(query.decode("utf-8", "replace").split("&"))


def _written(texts: list[str]) -> None:
    """Read the options and shapes of a one-shot request."""
    with contextlib.suppress(ModelportError):
        oneshot.wish(model=MODEL, target="ncnn", options=oneshot.pairs(texts), shapes={})
    with contextlib.suppress(ModelportError):
        oneshot.wish(model=MODEL, target="ncnn", options={}, shapes=oneshot.shapes(texts))

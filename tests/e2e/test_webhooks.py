"""Callbacks as a receiver sees them: signed, repeated until they arrive, never led astray."""

from __future__ import annotations

import http.server
import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook

from modelport_api.jobs import orders
from modelport_api.jobs.tables import deliveries

SECRET = "whsec_" + "QUJD" * 8
JOB = {"model": "0" * 32, "name": "text.txt", "source": "text", "target": "loud"}
REQUEST = {"options": {}, "shapes": {}, "inputs": None, "seed": 0}


class Receiver:
    """Answers the calls to a path with the statuses that are left for it, then with 204."""

    def __init__(self) -> None:
        calls: list[tuple[str, dict[str, str], bytes]] = []
        statuses: dict[str, list[int]] = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                calls.append((self.path, dict(self.headers), body))
                left = statuses.get(self.path, [])
                self.send_response(left.pop(0) if left else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.calls, self.statuses = calls, statuses
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def to(self, path: str, count: int) -> list[tuple[str, dict[str, str], bytes]]:
        deadline = time.monotonic() + 60
        while len(found := [call for call in self.calls if call[0] == path]) < count:
            assert time.monotonic() < deadline, f"{len(found)} calls to {path}"
            time.sleep(0.05)
        return found


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()


@pytest.fixture(scope="module")
def tiny(serve_tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("webhooks") / "home"
    own = {"webhook_secret": SECRET, "webhook_allow": ("127.0.0.1",)}
    with serve_tiny(home, slots=2, webhook_retry_seconds=0.01, **own) as found:
        yield found


def submit(tiny: Any, callback: str | None, *, count: int = 1, batch: str | None = None) -> Any:
    group = None
    if batch:
        group = {"id": uuid.uuid4().hex, "refused": [], "created_at": 0.0, "callback": batch}
    jobs = [{**JOB, "request": REQUEST, "callback": callback} for _ in range(count)]
    return orders.submit_all(tiny.settings, tiny.engine, tiny.queue, jobs, group), group


def settled(tiny: Any, subject: str) -> Any:
    """The delivery of a conversion once nothing more will be sent."""
    query = sa.select(deliveries).where(deliveries.c.subject == subject)
    deadline = time.monotonic() + 60
    while True:
        with tiny.engine.connect() as connection:
            row = connection.execute(query).first()
        if row is not None and row.due_at is None:
            return row
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_end_of_a_conversion_is_told_once_and_signed(tiny: Any, receiver: Receiver) -> None:
    (id,), _ = submit(tiny, f"{receiver.url}/once")
    ((_, headers, body),) = receiver.to("/once", 1)
    told = Webhook(SECRET).verify(body, headers)
    assert (told["type"], told["data"]["id"]) == ("conversion.finished", id)
    assert told["data"] == tiny.client.get(f"/v1/conversions/{id}").json()
    assert settled(tiny, id).said == "status 204"
    assert len(receiver.to("/once", 1)) == 1


def test_a_call_that_failed_is_made_again_under_the_same_id(tiny: Any, receiver: Receiver) -> None:
    receiver.statuses["/again"] = [500, 503]
    (id,), _ = submit(tiny, f"{receiver.url}/again")
    calls = receiver.to("/again", 3)
    assert len({headers["webhook-id"] for _, headers, _ in calls}) == 1
    assert len({body for _, _, body in calls}) == 1
    assert settled(tiny, id).attempt == 3


def test_a_redirect_is_not_followed(tiny: Any, receiver: Receiver) -> None:
    receiver.statuses["/moved"] = [302]
    submit(tiny, f"{receiver.url}/moved")
    receiver.to("/moved", 2)
    assert [path for path, _, _ in receiver.calls if path == "/elsewhere"] == []


def test_a_receiver_that_is_gone_is_left_alone(tiny: Any, receiver: Receiver) -> None:
    receiver.statuses["/gone"] = [410]
    (id,), _ = submit(tiny, f"{receiver.url}/gone")
    assert (settled(tiny, id).attempt, settled(tiny, id).said) == (1, "status 410")


def test_a_name_for_this_machine_is_not_called(tiny: Any, receiver: Receiver) -> None:
    # 127.0.0.2 in a spelling that is no address to us, and one to the resolver.
    port = receiver.server.server_port
    (id,), _ = submit(tiny, f"https://2130706434:{port}/private")
    query = sa.select(deliveries.c.said).where(deliveries.c.subject == id)
    deadline = time.monotonic() + 60
    said = ""
    while not said and time.monotonic() < deadline:
        with tiny.engine.connect() as connection:
            said = connection.scalar(query) or ""
        time.sleep(0.05)
    assert said == "the name stands for a private address"


def test_a_batch_is_told_once_when_all_have_ended(tiny: Any, receiver: Receiver) -> None:
    ids, group = submit(tiny, None, count=4, batch=f"{receiver.url}/batch")
    ((_, headers, body),) = receiver.to("/batch", 1)
    told = Webhook(SECRET).verify(body, headers)
    assert told["type"] == "batch.finished"
    assert told["data"]["states"] == {"converted": 4}
    assert {tiny.client.get(f"/v1/conversions/{id}").json()["state"] for id in ids} == {"converted"}
    assert settled(tiny, group["id"]).attempt == 1


def test_a_server_that_was_killed_calls_when_it_is_back(
    serve_tiny: Any, serve: Any, receiver: Receiver, tmp_path: Any
) -> None:
    own = {"webhook_secret": SECRET, "webhook_allow": ("127.0.0.1",), "workers": 0}
    with serve_tiny(tmp_path / "home", **own) as first:
        (id,), _ = submit(first, f"{receiver.url}/later")
        first.process.kill()
        first.process.wait()
        assert orders.cancel(first.engine, first.queue, id)
    with serve(tmp_path / "home", **own):
        ((_, _, body),) = receiver.to("/later", 1)
    assert json.loads(body)["data"]["state"] == "cancelled"


@pytest.mark.parametrize(
    ("callback", "code"),
    [
        pytest.param("https://10.0.0.1/x", "bad-request", id="private"),
        pytest.param("http://example.com/x", "bad-request", id="no-tls"),
        pytest.param("file:///etc/passwd", "bad-request", id="no-http"),
        pytest.param("https://example.com/x", "no-route", id="public"),
        pytest.param("http://127.0.0.1:9/x", "no-route", id="allowed"),
    ],
)
def test_a_callback_is_checked_when_it_is_ordered(tiny: Any, callback: str, code: str) -> None:
    wish = {"model": "0" * 32, "target": "toaster", "callback": callback}
    assert tiny.client.post("/v1/conversions", json=wish).json()["code"] == code
    batch = {"models": ["0" * 32], "targets": ["toaster"], "callback": callback}
    assert tiny.client.post("/v1/batches", json=batch).json()["code"] == code


def test_without_a_secret_nothing_is_promised(serve_tiny: Any, tmp_path: Any) -> None:
    with serve_tiny(tmp_path / "home", workers=0) as found:
        wish = {"model": "0" * 32, "target": "x", "callback": "https://example.com/"}
        answer = found.client.post("/v1/conversions", json=wish).json()
        assert "MODELPORT_WEBHOOK_SECRET" in answer["detail"]


def test_no_address_and_no_secret_is_logged_or_shown(tiny: Any, receiver: Receiver) -> None:
    (id,), _ = submit(tiny, f"{receiver.url}/t0ken-in-a-path")
    settled(tiny, id)
    text = tiny.log.read_text("utf-8") + tiny.client.get(f"/v1/conversions/{id}").text
    assert [word for word in ("t0ken-in-a-path", "whsec_", "QUJDQUJD") if word in text] == []

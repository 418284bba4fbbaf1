"""The service from outside, without a conversion: refusals, guards, limits, documents."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelport.sandbox import layers

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def pictures() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("holiday/beach.png", PNG)
        archive.writestr("holiday/sea.png", PNG)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def served(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serve(tmp_path_factory.mktemp("http") / "home", workers=0, body_bytes=4096) as found:
        yield found


def left(home: Path) -> list[str]:
    return [str(p) for part in ("staging", "models") for p in (home / part).glob("*")]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        pytest.param("model.onnx", b"", "bad-request", id="empty"),
        pytest.param("model.onnx", os.urandom(4096), "unknown-format", id="random"),
        pytest.param("model.onnx", b"Dear Sir or Madam,\n" * 40, "unknown-format", id="text"),
        pytest.param("model.onnx", LFS, "unknown-format", id="lfs-pointer"),
        pytest.param("model.zip", pictures(), "unknown-format", id="holiday-pictures"),
        pytest.param("photo.onnx", PNG, "unknown-format", id="wrong-suffix"),
    ],
)
def test_what_is_no_model_is_refused_and_leaves_nothing(
    served: Any, name: str, body: bytes, code: str
) -> None:
    answer = served.client.put("/v1/models", params={"filename": name}, content=body)
    problem = answer.json()
    assert (problem["code"], problem["status"]) == (code, answer.status_code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"]
    assert problem["hint"]
    assert str(served.settings.home) not in answer.text
    assert left(served.settings.home) == []


@pytest.mark.parametrize(
    ("method", "path", "options", "refusal"),
    [
        pytest.param("GET", "/v1/models/nope", {}, (404, "not-found"), id="no-model"),
        pytest.param("GET", "/v1/conversions/nope", {}, (404, "not-found"), id="no-conversion"),
        pytest.param("GET", "/v1/conversions/x/events", {}, (404, "not-found"), id="no-events"),
        pytest.param("GET", "/v1/conversions/x/report", {}, (404, "not-found"), id="no-report"),
        pytest.param("GET", "/v1/nothing", {}, (404, "not-found"), id="no-route"),
        pytest.param("PATCH", "/v1/models", {}, (405, "method-not-allowed"), id="method"),
        pytest.param("POST", "/v1/conversions", {"json": {}}, (400, "bad-request"), id="no-fields"),
        pytest.param("POST", "/v1/conversions", {"content": b"{"}, (400, "bad-request"), id="json"),
        pytest.param(
            "POST",
            "/v1/conversions",
            {"json": {"model": "0" * 32, "target": "ncnn"}},
            (404, "not-found"),
            id="unknown-model",
        ),
        pytest.param(
            "POST", "/v1/convert", {"content": b"x"}, (400, "bad-request"), id="no-target"
        ),
        pytest.param(
            "GET", "/v1/routes?source=onnx&target=toaster", {}, (422, "no-route"), id="no-way"
        ),
        pytest.param("PUT", "/v1/inputs", {"content": b"x"}, (400, "bad-inputs"), id="no-npz"),
        pytest.param(
            "POST", "/v1/conversions", {"content": b" " * 5000}, (413, "too-large"), id="long-body"
        ),
        pytest.param("GET", "/v1/models/%00", {}, (400, "bad-request"), id="zero-in-path"),
        pytest.param("GET", "/v1/models?x=%00", {}, (400, "bad-request"), id="zero-in-query"),
        pytest.param("GET", "/v1/conversions?after=x", {}, (400, "bad-request"), id="bad-cursor"),
    ],
)
def test_refusals_have_one_shape(
    served: Any, method: str, path: str, options: dict[str, Any], refusal: tuple[int, str]
) -> None:
    answer = served.client.request(method, path, **options)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == refusal
    assert answer.headers["content-type"] == "application/problem+json"
    keys = {"type", "status", "code", "title", "detail", "hint", "step", "operators", "retry"}
    assert set(problem) == keys


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        pytest.param("GET", {"host": "evil.example"}, 403, id="another-name"),
        pytest.param("GET", {"host": "127.0.0.1.evil.example:1"}, 403, id="prefix-of-a-name"),
        pytest.param("GET", {"host": "[::"}, 403, id="broken-name"),
        pytest.param("GET", {"host": "localhost:8000"}, 200, id="localhost"),
        pytest.param("GET", {"host": "[::1]:8000"}, 200, id="ipv6"),
        pytest.param("PUT", {"origin": "https://evil.example"}, 403, id="another-page"),
        pytest.param("PUT", {"origin": "null"}, 403, id="sandboxed-page"),
        pytest.param("PUT", {"sec-fetch-site": "cross-site"}, 403, id="cross-site-without-origin"),
        pytest.param("DELETE", {"origin": "http://localhost:1"}, 403, id="another-port"),
    ],
)
def test_strangers_cannot_use_an_open_loopback_service(
    served: Any, method: str, headers: dict[str, str], status: int
) -> None:
    answer = served.client.request(method, "/v1/models", headers=headers)
    assert answer.status_code == status


def test_the_own_page_may_ask(served: Any) -> None:
    origin = str(served.client.base_url).rstrip("/")
    answer = served.client.put("/v1/models", content=b"x", headers={"origin": origin})
    assert answer.json()["code"] == "unknown-format"


def test_every_answer_carries_the_security_headers(served: Any) -> None:
    for path in ("/", "/v1/formats", "/v1/nothing", "/healthz"):
        headers = served.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        policy = "default-src 'self'" if path == "/" else "sandbox; default-src 'none'"
        assert policy in headers["content-security-policy"]
        assert "script" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_a_large_upload_is_streamed_and_memory_stays_small(served: Any) -> None:
    def body() -> Iterator[bytes]:
        block = os.urandom(1024**2)
        for _ in range(400):
            yield block

    answer = served.client.put("/v1/models", params={"filename": "a.onnx"}, content=body())
    assert answer.json()["code"] == "unknown-format"
    assert served.memory() < 300 * 1024**2
    assert left(served.settings.home) == []


def test_an_upload_that_breaks_off_leaves_nothing(served: Any) -> None:
    def body() -> Iterator[bytes]:
        yield bytes(3 * 1024**2)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        served.client.put("/v1/models", content=body())
    # The server notices when the connection closes.
    for _ in range(100):
        if not left(served.settings.home):
            return
        served.client.get("/healthz")
    assert left(served.settings.home) == []


def test_the_document_describes_every_route(served: Any) -> None:
    document = served.client.get("/openapi.json").json()
    assert {path for path in document["paths"] if path.startswith("/v1")} >= {
        "/v1/models",
        "/v1/conversions/{id}/events",
        "/v1/conversions/{id}/artifacts/{name}",
        "/v1/convert",
    }
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert "4XX" in operation["responses"], (path, method)
            assert "422" not in operation["responses"], (path, method)


def test_the_catalogue_answers_without_a_framework(served: Any) -> None:
    formats = {entry["id"]: entry for entry in served.client.get("/v1/formats").json()["formats"]}
    converters = served.client.get("/v1/converters").json()["converters"]
    routes = served.client.get("/v1/routes?source=onnx&target=ncnn").json()["routes"]
    assert formats["onnx"]["read"]
    assert formats["onnx"]["runtime"]
    assert routes[0]["converters"][-1] in {entry["id"] for entry in converters}


def test_limits_come_from_the_settings(served: Any) -> None:
    limits = served.client.get("/v1/limits").json()
    assert limits["upload_bytes"] == served.settings.upload_bytes
    assert limits["threads"] >= 1


def test_without_a_worker_the_service_is_up_and_not_ready(served: Any) -> None:
    assert served.client.get("/healthz").status_code == 200
    answer = served.client.get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["checks"]["worker"]


def test_readiness_tells_the_state_of_the_sandbox(served: Any) -> None:
    found = layers()
    body = served.client.get("/readyz").json()
    assert (body["layers"]["landlock"], body["degraded"]) == (
        found.in_force["landlock"],
        list(found.degraded),
    )
    assert "/" not in str(body["layers"])


def test_figures_are_given_in_the_text_format(served: Any) -> None:
    text = served.client.get("/metrics").text
    assert "modelport_queue_depth 0.0" in text


def test_limits_on_uploads_answer_before_the_bytes_come(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0, upload_bytes=1000) as found:
        answer = found.client.put("/v1/models", content=bytes(5 * 1024**2))
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")

        def chunked() -> Iterator[bytes]:
            yield bytes(600)
            yield bytes(600)

        answer = found.client.put("/v1/models", content=chunked())
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
        assert left(found.settings.home) == []


def test_a_full_disk_is_said_before_the_bytes_come(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0, disk_reserve=2**60) as found:
        answer = found.client.put("/v1/models", content=b"x")
        assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
        assert answer.json()["retry"]


def test_a_key_is_asked_for_where_one_is_set(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0, api_key="secret") as found:
        bearer = {"authorization": "Bearer secret"}
        refused = found.client.get("/v1/formats")
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorised")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert found.client.get("/metrics").status_code == 401
        assert found.client.get("/v1/formats", headers=bearer).status_code == 200
        assert found.client.get("/v1/formats", headers={"x-api-key": "secret"}).status_code == 200
        assert found.client.get("/v1/formats", headers={"x-api-key": "wrong"}).status_code == 401
        assert found.client.get("/healthz").status_code == 200
        # With a key, another page has nothing to ride on: it does not know the key.
        other = {**bearer, "host": "models.example", "origin": "https://elsewhere.example"}
        assert found.client.get("/v1/formats", headers=other).status_code == 200


def test_the_service_starts_within_three_seconds_of_work(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0) as found:
        usage = Path(f"/proc/{found.process.pid}/stat").read_text().rpartition(")")[2].split()
        # Its own CPU time, since other tests share the machine's clock.
        assert (int(usage[11]) + int(usage[12])) / os.sysconf("SC_CLK_TCK") < 3.0
        assert found.memory("VmRSS") < 300 * 1024**2


def test_a_name_that_is_allowed_is_answered(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0, allowed_hosts=("models.example",)) as found:
        headers = {"host": "models.example"}
        assert found.client.get("/v1/formats", headers=headers).status_code == 200
        with pytest.raises(httpx.HTTPStatusError):
            found.client.get("/v1/formats", headers={"host": "x.example"}).raise_for_status()

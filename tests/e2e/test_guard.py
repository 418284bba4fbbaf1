"""The door as an attacker tries it: other names, other pages, other ways to a path, other keys."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

KEY = "key-d41d8cd98f00b204e9800998ecf8427e"


@pytest.fixture(scope="module")
def opened(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service on loopback without a key."""
    with serve(tmp_path_factory.mktemp("open") / "home", workers=0) as found:
        yield found


@pytest.fixture(scope="module")
def locked(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service with a key."""
    home = tmp_path_factory.mktemp("locked") / "home"
    with serve(home, workers=0, api_key=KEY) as found:
        yield found


def said(service: Any, *lines: str, body: str = "") -> tuple[int, str]:
    """Send a request byte by byte as written; return the status and all that came back."""
    head = [*lines, f"Content-Length: {len(body)}", "Connection: close", "", body]
    with socket.create_connection(("127.0.0.1", service.settings.port), 30) as stream:
        stream.sendall("\r\n".join(head).encode("latin-1"))
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
    text = answer.decode("utf-8", "replace")
    return int(text.split(" ", 2)[1]) if text else 0, text


@pytest.mark.parametrize(
    "name",
    ["evil.example", "127.0.0.1.nip.io", "localhost.", "localhost.evil.example", "0.0.0.0", "",
     "localhost@evil.example", "evil.example#localhost", "evil.example/localhost", "[::1].evil",
     "127.0.0.1\\.evil.example", "127.1", "2130706433", "[::ffff:127.0.0.1]"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/v1/models", "/openapi.json", "/metrics"])
def test_a_name_that_was_pointed_here_gets_nothing(opened: Any, name: str, path: str) -> None:
    status, _ = said(opened, f"GET {path} HTTP/1.1", f"Host: {name}")
    assert status in {400, 403}


def test_a_request_without_a_name_gets_nothing(opened: Any) -> None:
    assert said(opened, "GET /v1/models HTTP/1.0")[0] in {400, 403}


FORMS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b")


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("path", ["/v1/convert?to=ncnn", "/v1/conversions", "/v1/models"])
@pytest.mark.parametrize(
    "sent",
    [
        "Origin: https://evil.example",
        "Origin: null",
        "Origin: http://localhost:1",
        "Origin: http://localhost.evil.example",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ],
)
def test_a_form_of_another_page_changes_nothing(
    opened: Any, sent: str, path: str, kind: str
) -> None:
    method = "PUT" if path == "/v1/models" else "POST"
    host = f"Host: localhost:{opened.settings.port}"
    status, _ = said(
        opened, f"{method} {path} HTTP/1.1", host, f"Content-Type: {kind}", sent, body="x" * 100
    )
    assert status == 403


def test_no_page_is_allowed_to_read_answers(opened: Any) -> None:
    origin = {"origin": "https://evil.example", "access-control-request-method": "PUT"}
    answers = [opened.client.request(m, "/v1/models", headers=origin) for m in ("OPTIONS", "GET")]
    headers = [name for answer in answers for name in answer.headers]
    assert [name for name in headers if name.startswith("access-control")] == []


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {KEY[:-1]}"},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": KEY},
        {"x-api-key": ""},
        {"x-api-key": KEY.upper()},
        {"cookie": f"key={KEY}; api_key={KEY}"},
    ],
)
def test_only_the_key_in_its_header_opens(locked: Any, sent: dict[str, str]) -> None:
    answer = locked.client.get("/v1/models", headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")


@pytest.mark.parametrize("name", ["key", "api_key", "x-api-key", "token", "authorization"])
def test_a_key_in_an_address_is_none(locked: Any, name: str) -> None:
    assert locked.client.get("/v1/models", params={name: KEY}).status_code == 401


@pytest.mark.parametrize(
    "target",
    ["//v1/models", "/v1//models", "/./v1/models", "/x/../v1/models", "/%76%31/models",
     "/V1/models", "/v1/models/", "/v1/models;x", "/v1%2fmodels", "/v1/%6dodels", "/v1\\models",
     "http://localhost/v1/models", "/v1/models?", "/metrics/", "/%6detrics", "//metrics",
     "/v1/environments/service/sbom", "/v1/models#x", "/v1/x/../models"],
)  # fmt: skip
def test_no_other_way_to_write_a_path_leads_past_the_key(locked: Any, target: str) -> None:
    status, text = said(locked, f"GET {target} HTTP/1.1", "Host: localhost")
    told = '"models"' in text or "modelport_workers" in text or "CycloneDX" in text
    assert (status in {200, 307, 400, 401, 404}, told) == (True, False)


@pytest.mark.parametrize(
    "target",
    ["/../../../../etc/passwd", "/..%2f..%2f..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
     "/assets/..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd", "//etc/passwd", "/assets//etc/passwd",
     "/assets/%00/etc/passwd", "/..\\..\\etc\\passwd", "/packages.json/../../__init__.py",
     "/..%2f__init__.py"],
)  # fmt: skip
def test_the_page_serves_its_own_files_only(opened: Any, target: str) -> None:
    _, text = said(opened, f"GET {target} HTTP/1.1", f"Host: localhost:{opened.settings.port}")
    assert "root:" not in text
    assert "import" not in text.partition("\r\n\r\n")[2][:200]


def test_answers_are_kept_by_nobody(opened: Any) -> None:
    assert opened.client.get("/v1/models").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["service", "base"])
def test_a_bill_of_materials_is_handed_out(opened: Any, name: str) -> None:
    listed = {
        one["name"]: one for one in opened.client.get("/v1/environments").json()["environments"]
    }
    if name in listed and not listed[name]["ready"]:
        pytest.skip(f"environment {name} is not built; run modelport env build {name}")
    answer = opened.client.get(f"/v1/environments/{name}/sbom")
    assert answer.headers["content-type"].startswith("application/vnd.cyclonedx+json")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.json()["bomFormat"] == "CycloneDX"
    if name in listed:
        one = opened.client.get(f"/v1/environments/{name}").json()
        assert one == listed[name]
        parts = {part["name"] for part in answer.json()["components"]}
        assert {package["name"] for package in one["packages"]} == parts


def test_an_environment_that_nobody_defines_is_not_there(opened: Any) -> None:
    paths = ("/v1/environments/nope", "/v1/environments/nope/sbom", "/v1/environments/..%2fx/sbom")
    assert {opened.client.get(path).status_code for path in paths} == {404}

"""Where a callback may go, and how it is signed."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from modelport_api.problems import BadRequest
from modelport_api.webhooks import address, signature

SECRET = "whsec_" + "QUJD" * 8
OTHER = "whsec_" + "REVG" * 8
PRIVATE = [
    *("127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]"),
    *("[fc00::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[ff02::1]"),
]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused_when_it_is_given(host: str) -> None:
    with pytest.raises(BadRequest):
        address.checked(f"https://{host}/hook", ())


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "https://", "https:///x", "example.com", "https://user@example.com/",
     "https://user:pw@example.com/", "https://exa mple.com/", "https://example.com:99999/",
     "https://example.com/\r\nX: y", "http://example.com/", "https://[::1", "javascript:x",
     "https://example.com/" + "x" * 2000, "https://ex\u00e4mple.com/"],
)  # fmt: skip
def test_what_is_no_address_of_a_host_is_refused(url: str) -> None:
    with pytest.raises(BadRequest):
        address.checked(url, ())


@pytest.mark.parametrize(
    "url", ["https://example.com/x?y=1", "https://8.8.8.8/", "https://[2606:4700::1111]:8443/"]
)
def test_a_public_address_is_taken(url: str) -> None:
    assert address.checked(url, ()).geturl() == url


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("http://127.0.0.1:9/", ("127.0.0.0/8",)),
        ("http://hooks.internal/", ("hooks.internal",)),
        ("https://[fd00::5]/", ("fd00::/8",)),
    ],
)
def test_what_the_operator_allows_is_taken(url: str, allow: tuple[str, ...]) -> None:
    assert address.checked(url, allow).geturl() == url


def answering(*found: str) -> Any:
    return lambda *_, **__: [(None, None, None, "", (one, 443)) for one in found]


@pytest.mark.parametrize(
    "found", [("10.0.0.1",), ("8.8.8.8", "127.0.0.1"), ("::ffff:192.168.0.1",), ("fe80::1%1",)]
)
def test_a_name_for_a_private_address_is_not_called(
    monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering(*found))
    with pytest.raises(address.Refused):
        address.resolved("rebound.example", 443, ())


def test_a_name_is_called_where_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering("8.8.8.8"))
    assert address.resolved("public.example", 443, ()) == "8.8.8.8"


def test_a_private_name_that_is_allowed_by_its_network_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering("10.1.2.3"))
    assert address.resolved("hooks.internal", 443, ("10.1.0.0/16",)) == "10.1.2.3"


def signed(secrets: str, body: bytes, at: int | None = None) -> dict[str, str]:
    seconds = int(time.time()) if at is None else at
    return signature.headers(signature.secrets(secrets), "msg_1", seconds, body)


def test_the_reference_library_verifies_what_is_signed() -> None:
    body = json.dumps({"type": "conversion.finished"}).encode()
    assert Webhook(SECRET).verify(body, signed(SECRET, body)) == json.loads(body)
    now = datetime.now(UTC)
    own = Webhook(SECRET).sign("msg_1", now, body.decode())
    assert signed(SECRET, body, int(now.timestamp()))["webhook-signature"] == own


def test_while_a_secret_is_changed_both_verify() -> None:
    headers = signed(f"{OTHER} {SECRET}", b"{}")
    assert Webhook(SECRET).verify(b"{}", headers) == Webhook(OTHER).verify(b"{}", headers) == {}


@pytest.mark.parametrize("change", ["body", "id", "time", "secret"])
def test_what_was_changed_or_is_old_does_not_verify(change: str) -> None:
    headers, body = signed(SECRET, b"{}"), b"{}"
    if change == "time":
        headers = signed(SECRET, b"{}", int(time.time()) - 3600)
    if change == "id":
        headers["webhook-id"] = "msg_2"
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER if change == "secret" else SECRET).verify(
            b"[]" if change == "body" else body, headers
        )


@pytest.mark.parametrize("text", ["secret", "whsec_", "whsec_QUJD", "whsec_***", "QUJD" * 8])
def test_a_weak_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        signature.secrets(text)

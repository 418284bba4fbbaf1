"""Resumable uploads, byte by byte as tus 1.0 has it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.tus.requests import (
    DATA,
    PIECE,
    TUS,
    arrived,
    begin,
    begun,
    checksum,
    cut,
    kept,
    offset,
    send,
    sha256,
)


@pytest.fixture(scope="module")
def served(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("uploads") / "home"
    with serve(home, workers=0, upload_bytes=64 * 1024**2) as found:
        yield found


def test_what_is_spoken_is_said(served: Any) -> None:
    answer = served.client.options("/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        *("creation", "creation-with-upload", "termination", "expiration", "checksum")
    }
    assert answer.headers["tus-max-size"] == str(served.settings.upload_bytes)
    assert "sha1" in answer.headers["tus-checksum-algorithm"].split(",")


def test_an_upload_arrives_in_pieces_with_its_digest(served: Any) -> None:
    answer = begin(served, len(DATA), "模型.onnx")
    path = answer.headers["location"]
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "0")
    for start in range(0, len(DATA), 1024**2):
        piece = send(served, path, start, DATA[start : start + 1024**2])
        assert piece.status_code == 204
        assert "gmt" in piece.headers["upload-expires"].lower()
    told = served.client.get(path).json()
    assert (told["name"], told["offset"], told["sha256"]) == ("模型.onnx", len(DATA), sha256(DATA))
    assert kept(served, path) == DATA


def test_the_first_bytes_may_come_with_the_creation(served: Any) -> None:
    kind = {"content-type": "application/offset+octet-stream"}
    answer = begin(served, 10, headers=kind, content=b"12345")
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "5")
    path = answer.headers["location"]
    head = served.client.head(path, headers=TUS).headers
    assert (head["upload-offset"], head["upload-length"]) == ("5", "10")
    assert head["upload-metadata"].startswith("filename ")
    assert head["cache-control"] == "no-store"


def test_an_empty_file_is_whole_at_once(served: Any) -> None:
    assert served.client.get(begun(served, 0)).json()["sha256"] == sha256(b"")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param({"upload-length": ""}, (400, "bad-request"), id="no-length"),
        pytest.param({"upload-length": "-1"}, (400, "bad-request"), id="negative"),
        pytest.param({"upload-length": "9" * 30}, (400, "bad-request"), id="endless"),
        pytest.param({"upload-length": str(2**40)}, (413, "too-large"), id="too-large"),
        pytest.param({"upload-metadata": "filename ***"}, (400, "bad-request"), id="not-base64"),
        pytest.param({"upload-metadata": "a,a"}, (400, "bad-request"), id="key-twice"),
        pytest.param({"upload-metadata": "A" * 5000}, (400, "bad-request"), id="long"),
        pytest.param({"tus-resumable": "0.2.2"}, (412, "wrong-version"), id="old-client"),
        pytest.param({"upload-checksum": "crc32 AAAA"}, (400, "bad-request"), id="algorithm"),
        pytest.param({"upload-checksum": "sha1 AAAA"}, (400, "bad-request"), id="short-digest"),
    ],
)
def test_a_creation_that_is_wrong_leaves_nothing(
    served: Any, change: dict[str, str], refusal: tuple[int, str]
) -> None:
    before = list((served.settings.home / "uploads").glob("*"))
    answer = begin(served, 10, headers=change)
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert list((served.settings.home / "uploads").glob("*")) == before


def test_another_offset_is_refused_and_says_which(served: Any) -> None:
    path = begun(served)
    send(served, path, 0, b"12345")
    answer = send(served, path, 3, b"xyz")
    assert (answer.status_code, answer.json()["code"]) == (409, "offset-conflict")
    assert "5 bytes" in answer.json()["detail"]
    assert kept(served, path) == b"12345"


def test_more_bytes_than_announced_are_refused(served: Any) -> None:
    path = begun(served, 4)
    assert send(served, path, 0, b"12345").status_code == 400
    assert send(served, path, 0, b"1234").status_code == 204
    assert send(served, path, 4, b"5").status_code == 400
    assert kept(served, path) == b"1234"


def test_another_kind_of_body_is_refused(served: Any) -> None:
    answer = send(served, begun(served), 0, b"x", **{"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "wrong-media")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_with_its_checksum_is_kept(served: Any, algorithm: str) -> None:
    path = begun(served)
    half = len(DATA) // 2
    for start, data in ((0, DATA[:half]), (half, DATA[half:])):
        right = {"upload-checksum": checksum(data, algorithm)}
        assert send(served, path, start, data, **right).status_code == 204
    assert served.client.get(path).json()["sha256"] == sha256(DATA)


def test_a_piece_with_another_checksum_is_taken_back(served: Any) -> None:
    path = begun(served)
    send(served, path, 0, DATA[:1000])
    wrong = send(served, path, 1000, DATA[1000:], **{"upload-checksum": checksum(b"other")})
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum-mismatch")
    assert offset(served, path) == 1000
    send(served, path, 1000, DATA[1000:])
    assert served.client.get(path).json()["sha256"] == sha256(DATA)


def test_what_came_before_the_connection_broke_is_kept(served: Any) -> None:
    path, now = begun(served), 0
    for _ in range(3):
        cut(served, path, now, DATA[now : now + 700_000]).close()
        # What the server had not yet read when the connection broke is lost with it.
        arrived(served, path, now + 300_000)
        now = offset(served, path)
        assert kept(served, path) == DATA[:now]
    send(served, path, now, DATA[now:])
    assert served.client.get(path).json()["sha256"] == sha256(DATA)


def test_a_client_that_comes_back_takes_over_from_its_dead_connection(served: Any) -> None:
    path = begun(served)
    with cut(served, path, 0, DATA[: 2**20]) as stale:
        arrived(served, path, 2**20)
        assert offset(served, path) == 2**20
        assert send(served, path, 2**20, DATA[2**20 :]).status_code == 204
        assert b"423" in stale.recv(4096)
    assert served.client.get(path).json()["sha256"] == sha256(DATA)


def test_unchecked_bytes_of_a_broken_connection_do_not_count(served: Any) -> None:
    path = begun(served)
    send(served, path, 0, DATA[:10])
    header = f"Upload-Checksum: {checksum(DATA[10:])}"
    with cut(served, path, 10, DATA[10:2_000_000], header):
        folder = served.settings.home / "uploads" / path.rpartition("/")[2]
        while (folder / "net.onnx").stat().st_size < 2**20:
            time.sleep(0.02)
        assert served.client.get(path).json()["offset"] == 10
    assert offset(served, path) == 10
    assert kept(served, path) == DATA[:10]


def test_an_upload_given_up_is_gone(served: Any) -> None:
    path = begun(served)
    send(served, path, 0, DATA[:100])
    assert served.client.delete(path, headers=TUS).status_code == 204
    assert served.client.head(path, headers=TUS).status_code == 404
    assert send(served, path, 100, DATA[100:]).status_code == 404
    assert not (served.settings.home / "uploads" / path.rpartition("/")[2]).exists()


def test_methods_that_a_proxy_forbids_come_as_a_header(served: Any) -> None:
    path = begun(served, 3)
    override = {**PIECE, "upload-offset": "0", "x-http-method-override": "PATCH"}
    assert served.client.post(path, headers=override, content=b"abc").status_code == 204
    gone = served.client.post(path, headers={**TUS, "x-http-method-override": "DELETE"})
    assert gone.status_code == 204
    assert served.client.get(path).status_code == 404


def test_a_stranger_page_cannot_upload(served: Any) -> None:
    evil = {"origin": "https://evil.example"}
    assert begin(served, 3, headers=evil).status_code == 403

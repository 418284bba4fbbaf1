"""What resumable uploads survive, what room they take, and the models that are made of them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.tus.requests import DATA, TUS, arrived, begin, begun, cut, kept, offset, send, sha256

from modelport_api.jobs import database
from modelport_api.jobs.tables import uploads


@pytest.fixture(scope="module")
def served(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("uploads") / "home"
    with serve(home, workers=0, upload_bytes=64 * 1024**2) as found:
        yield found


def test_a_server_killed_in_the_middle_keeps_what_came(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0) as first:
        path = begun(first)
        send(first, path, 0, DATA[: 2**20])
        stream = cut(first, path, 2**20, DATA[2**20 : 2**21 + 5])
        arrived(first, path, 2**21)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        stream.close()
    with serve(tmp_path / "home", workers=0) as second:
        now = offset(second, path)
        assert now >= 2**21
        send(second, path, now, DATA[now:])
        assert second.client.get(path).json()["sha256"] == sha256(DATA)
        assert kept(second, path) == DATA


def test_an_upload_that_nobody_went_on_with_expires(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0) as found:
        path = begun(found)
        send(found, path, 0, DATA[:100])
        engine = database.connect(found.settings)
        with engine.begin() as connection:
            connection.execute(sa.update(uploads).values(expires_at=time.time() - 1))
        engine.dispose()
        assert found.client.head(path, headers=TUS).status_code == 404
        begun(found)
        assert not (found.settings.home / "uploads" / path.rpartition("/")[2]).exists()


def test_room_that_was_promised_is_not_promised_twice(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0, storage_bytes=1000) as found:
        assert begin(found, 600).status_code == 201
        second = begin(found, 600)
        assert (second.status_code, second.json()["code"]) == (507, "disk-full")
        put = found.client.put("/v1/models", content=bytes(600))
        assert (put.status_code, put.json()["code"]) == (507, "disk-full")


def test_the_disk_is_looked_at_before_the_bytes_come(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=0, disk_reserve=2**60) as found:
        answer = begin(found, 600)
        assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
        assert not list((found.settings.home / "uploads").glob("*"))


def test_a_large_upload_is_never_whole_in_memory(serve: Any, tmp_path: Path) -> None:
    size = 400 * 1024**2
    block = os.urandom(1024**2)

    def body() -> Iterator[bytes]:
        for _ in range(400):
            yield block

    with serve(tmp_path / "home", workers=0) as found:
        before = found.memory()
        path = begun(found, size)
        answer = send(found, path, 0, body())
        assert answer.headers["upload-offset"] == str(size)
        assert found.memory() - before < 60 * 1024**2
        assert found.client.get(path).json()["sha256"] == sha256(block * 400)


def test_a_model_is_not_made_of_what_is_not_whole(served: Any) -> None:
    id = begun(served).rpartition("/")[2]
    answer = served.client.post("/v1/models", json={"uploads": [id]})
    assert (answer.status_code, answer.json()["code"]) == (409, "not-finished")
    missing = served.client.post("/v1/models", json={"uploads": ["0" * 32]})
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")


def test_a_refused_model_leaves_its_uploads(served: Any) -> None:
    path = begun(served, 300)
    send(served, path, 0, DATA[:300])
    answer = served.client.post("/v1/models", json={"uploads": [path.rpartition("/")[2]]})
    assert (answer.status_code, answer.json()["code"]) == (415, "unknown-format")
    assert served.client.get(path).json()["sha256"] == sha256(DATA[:300])


def test_two_uploads_of_one_name_are_no_model(served: Any) -> None:
    ids = [begun(served, 0).rpartition("/")[2] for _ in range(2)]
    answer = served.client.post("/v1/models", json={"uploads": ids})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


EXTERNAL = """
import sys, numpy, onnx
from onnx import TensorProto, helper, numpy_helper
w = numpy_helper.from_array(numpy.arange(4096, dtype="float32").reshape(64, 64), "w")
x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 64]) for n in "xy")
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [w])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.save(model, sys.argv[1], save_as_external_data=True, location="net.onnx.data")
"""


@pytest.mark.env("base")
def test_several_uploads_make_one_model_once(
    served: Any, base_python: Path, tmp_path: Path
) -> None:
    subprocess.run([base_python, "-c", EXTERNAL, tmp_path / "net.onnx"], check=True)
    ids = []
    for file in sorted(tmp_path.glob("net*")):
        path = begun(served, file.stat().st_size, file.name)
        send(served, path, 0, file.read_bytes())
        ids.append(path.rpartition("/")[2])
    alone = served.client.post("/v1/models", json={"uploads": ids[:1]})
    assert alone.status_code == 400
    answer = served.client.post("/v1/models", json={"uploads": ids})
    model = answer.json()
    assert (answer.status_code, model["format"]["id"]) == (201, "onnx")
    assert [file["name"] for file in model["files"]] == ["net.onnx", "net.onnx.data"]
    assert served.client.get(f"/v1/uploads/{ids[0]}").status_code == 404
    assert not (served.settings.home / "uploads" / ids[0]).exists()
    known = served.client.get("/v1/models", params={"sha256": model["sha256"]}).json()["models"]
    assert [entry["id"] for entry in known] == [model["id"]]
    assert served.client.get("/v1/models", params={"sha256": "0" * 64}).json()["models"] == []


def test_uploads_at_once_do_not_mix(served: Any) -> None:
    paths = [begun(served, len(DATA)) for _ in range(6)]
    pieces = [threading.Thread(target=send, args=(served, path, 0, DATA)) for path in paths]
    for piece in pieces:
        piece.start()
    for piece in pieces:
        piece.join()
    assert {served.client.get(path).json()["sha256"] for path in paths} == {sha256(DATA)}

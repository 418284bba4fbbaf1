"""Conversions from outside: real ones through the base environment, and the watching of them."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAME = "小模型 №1.onnx"
BUILD = """
import sys
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

draw = numpy.random.default_rng(0)
w = numpy_helper.from_array((draw.normal(size=(4, 3, 3, 3)) / 5).astype("float32"), "w")
b = numpy_helper.from_array(draw.normal(size=4).astype("float32"), "b")
f = numpy_helper.from_array(draw.normal(size=(4, 5)).astype("float32"), "f")
nodes = [
    helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["c"], ["r"]),
    helper.make_node("GlobalAveragePool", ["r"], ["p"]),
    helper.make_node("Flatten", ["p"], ["l"]),
    helper.make_node("MatMul", ["l", "f"], ["y"]),
]
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])
graph = helper.make_graph(nodes, "g", [x], [y], [w, b, f])
opsets = [helper.make_opsetid("", 13)]
onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), sys.argv[1])
"""


@pytest.fixture(scope="module")
def model(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    subprocess.run([base_python, "-c", BUILD, str(path)], check=True)
    return path.read_bytes()


@pytest.fixture(scope="module")
def served(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serve(tmp_path_factory.mktemp("jobs") / "home") as found:
        found.ready()
        yield found


@pytest.fixture(scope="module")
def tiny(serve_tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serve_tiny(tmp_path_factory.mktemp("tiny") / "home") as found:
        yield found


def watch(tiny: Any, id: str, last: str = "") -> list[dict[str, Any]]:
    return tiny.events(f"/v1/conversions/{id}/events", last)


def test_events_tell_stages_and_end_with_the_final_state(tiny: Any, submit: Any) -> None:
    told = watch(tiny, submit(tiny, pause=0.6))
    ids = [int(event["id"]) for event in told]
    states = [event["data"]["state"] for event in told if event["event"] == "state"]
    stages = [event["data"] for event in told if event["event"] == "stage"]
    assert ids == sorted(set(ids))
    assert states == ["queued", "running", "converted"]
    assert len(stages) >= 3
    assert stages[-1] == {"stage": "convert", "fraction": 1.0, "detail": "d"}


def test_a_watcher_that_comes_back_sees_everything_once(tiny: Any, submit: Any) -> None:
    id = submit(tiny, pause=0.3)
    everything = watch(tiny, id)
    middle = len(everything) // 2
    assert watch(tiny, id, everything[middle]["id"]) == everything[middle + 1 :]
    path = f"/v1/conversions/{id}/events"
    after = tiny.client.get(path, headers={"last-event-id": everything[-1]["id"]})
    assert after.status_code == 204


def test_a_worker_killed_under_the_service_loses_nothing(tiny: Any, submit: Any) -> None:
    id = submit(tiny, pause=1.0)
    while tiny.client.get(f"/v1/conversions/{id}").json()["stage"] != "convert":
        time.sleep(0.1)
    (worker,) = tiny.workers()
    os.kill(worker, signal.SIGKILL)
    done = tiny.finished(id)
    assert (done["state"], done["attempt"]) == ("converted", 2)
    assert tiny.workers() != [worker]


def test_cancel_answers_at_once_and_delete_removes_all(tiny: Any, submit: Any) -> None:
    id = submit(tiny, pause=5.0)
    path = f"/v1/conversions/{id}"
    while tiny.client.get(path).json()["state"] != "running":
        time.sleep(0.05)
    assert tiny.client.get(f"{path}/report").json()["code"] == "not-finished"
    cancelled = tiny.client.delete(path)
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    assert tiny.client.delete(path).status_code == 204
    assert tiny.client.get(path).status_code == 404


def test_a_model_in_use_is_not_deleted(tiny: Any, submit: Any) -> None:
    id = submit(tiny, pause=5.0)
    answer = tiny.client.delete("/v1/models/" + "0" * 32)
    assert (answer.status_code, answer.json()["code"]) == (409, "in-use")
    tiny.client.delete(f"/v1/conversions/{id}")


def test_pages_of_conversions_list_each_once(tiny: Any, submit: Any) -> None:
    wanted = {submit(tiny) for _ in range(5)}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 2, **({"after": cursor} if cursor else {})}
        page = tiny.client.get("/v1/conversions", params=query).json()
        seen += [entry["id"] for entry in page["conversions"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen))
    assert wanted <= set(seen)


def test_downloads_keep_unicode_names_and_bytes(tiny: Any, submit: Any) -> None:
    id = submit(tiny)
    done = tiny.finished(id)
    entry = done["artifacts"][0]
    answer = tiny.client.get(f"/v1/conversions/{id}/artifacts/{entry['name']}")
    assert hashlib.sha256(answer.content).hexdigest() == entry["sha256"]
    assert answer.headers["etag"] == f'"{entry["sha256"]}"'
    bundle = tiny.client.get(f"/v1/conversions/{id}/bundle.zip")
    quoted = "%E6%96%87%E6%9C%AC.loud.zip"
    assert f"filename*=UTF-8''{quoted}" in bundle.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        assert archive.testzip() is None
        assert archive.read("out.txt") == b"A\nB\nC\nD\n"
    escape = tiny.client.get(f"/v1/conversions/{id}/artifacts/..%2Frequest.json")
    assert escape.status_code == 404


def test_when_the_server_is_killed_its_workers_go_too(serve: Any, tmp_path: Path) -> None:
    with serve(tmp_path / "home") as found:
        found.ready()
        (worker,) = found.workers()
        found.process.kill()
        deadline = time.monotonic() + 20
        while Path(f"/proc/{worker}/cmdline").exists() and time.monotonic() < deadline:
            if not Path(f"/proc/{worker}/cmdline").read_bytes():
                break
            time.sleep(0.1)
        assert time.monotonic() < deadline


@pytest.mark.env("base")
def test_a_model_travels_through_rest(served: Any, model: bytes) -> None:
    answer = served.client.put("/v1/models", params={"filename": NAME}, content=model)
    found = answer.json()
    assert answer.status_code == 201
    assert (found["name"], found["format"]["id"]) == (NAME, "onnx")
    assert found["sha256"] == hashlib.sha256(model).hexdigest()
    assert found["description"]["operators"]["Conv"] == 1
    assert "ncnn" in {target["target"] for target in found["targets"]}
    again = served.client.put("/v1/models", files={"file": (NAME, model)})
    assert (again.status_code, again.json()["id"]) == (200, found["id"])
    accepted = served.client.post(
        "/v1/conversions", json={"model": found["id"], "target": "mnn", "require_verified": True}
    )
    assert accepted.status_code == 202
    done = served.finished(accepted.json()["id"])
    assert (done["state"], done["verdict"]) == ("converted", "verified")
    base = f"/v1/conversions/{done['id']}"
    names = [entry["name"] for entry in done["artifacts"]]
    assert names == ["小模型 №1.mnn"]
    artifact = served.client.get(f"{base}/artifacts/{names[0]}")
    assert hashlib.sha256(artifact.content).hexdigest() == done["artifacts"][0]["sha256"]
    assert served.client.get(f"{base}/report").json()["verdict"] == "verified"
    page = served.client.get(f"{base}/report", headers={"accept": "text/html"})
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert served.client.get(f"{base}/log").text.count("==>") >= 3
    with zipfile.ZipFile(io.BytesIO(served.client.get(f"{base}/bundle.zip").content)) as archive:
        assert {*names, "report.json", "report.html"} <= set(archive.namelist())


@pytest.mark.env("base")
def test_one_shot_gives_the_verified_bundle(served: Any, model: bytes) -> None:
    answer = served.client.post(
        "/v1/convert", params={"to": "mnn", "filename": NAME}, content=model
    )
    assert answer.headers["modelport-verdict"] == "verified"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "小模型 №1.mnn" in archive.namelist()


@pytest.mark.env("base")
def test_one_shot_holds_back_what_is_not_verified(served: Any, model: bytes) -> None:
    query = {"to": "mnn", "filename": "a.onnx", "set": "weight_bits=8"}
    refused = served.client.post("/v1/convert", params=query, content=model)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "not-verified")
    verdict = refused.headers["modelport-verdict"]
    assert problem["report"]["verdict"] == verdict != "verified"
    answer = served.client.post("/v1/convert", params={**query, "accept": verdict}, content=model)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")


@pytest.mark.env("base")
def test_one_shot_hands_over_after_its_wait(served: Any, model: bytes) -> None:
    query = {"to": "openvino", "filename": "a.onnx", "wait": 0}
    answer = served.client.post("/v1/convert", params=query, content=model)
    assert answer.status_code == 202
    id = answer.headers["modelport-conversion"]
    assert answer.headers["location"] == f"/v1/conversions/{id}"
    served.client.delete(f"/v1/conversions/{id}")


@pytest.mark.env("base")
@pytest.mark.parametrize(
    ("wish", "code"),
    [
        pytest.param({"target": "toaster"}, "no-route", id="no-route"),
        pytest.param({"target": "mnn", "options": {"nope": 1}}, "bad-option", id="unknown-option"),
        pytest.param({"target": "mnn", "inputs": "0" * 32}, "not-found", id="unknown-inputs"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    served: Any, model: bytes, wish: dict[str, Any], code: str
) -> None:
    id = served.client.put("/v1/models", params={"filename": NAME}, content=model).json()["id"]
    answer = served.client.post("/v1/conversions", json={"model": id, **wish})
    assert answer.json()["code"] == code


@pytest.mark.env("base")
def test_a_truncated_model_is_refused_and_leaves_nothing(served: Any, model: bytes) -> None:
    before = set((served.settings.home / "models").glob("*"))
    answer = served.client.put(
        "/v1/models", params={"filename": "a.onnx"}, content=model[: len(model) // 2]
    )
    assert answer.status_code in (400, 415)
    assert answer.json()["code"] in ("corrupt-model", "unknown-format")
    assert set((served.settings.home / "models").glob("*")) == before
    assert not list((served.settings.home / "staging").glob("*"))

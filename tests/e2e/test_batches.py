"""Many conversions at once: one order, one summary, one stream of events."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelport.errors import Busy, NoRoute
from modelport_api.jobs import orders

JOB = {"model": "0" * 32, "name": "text.txt", "source": "text", "target": "loud"}
REFUSED = {
    "model": "0" * 32,
    "target": "toaster",
    "problem": NoRoute("none").to_json(),
}


@pytest.fixture(scope="module")
def tiny(serve_tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serve_tiny(tmp_path_factory.mktemp("batches") / "home", slots=2) as found:
        yield found


def submit(tiny: Any, *options: dict[str, Any]) -> str:
    common = {"shapes": {}, "inputs": None, "seed": 0}
    jobs = [{**JOB, "request": {"options": one, **common}} for one in options]
    batch = {"id": uuid.uuid4().hex, "refused": [REFUSED], "created_at": time.time()}
    orders.submit_all(tiny.settings, tiny.engine, tiny.queue, jobs, batch)
    return f"/v1/batches/{batch['id']}"


def watched(tiny: Any, path: str, last: str = "") -> list[tuple[str, Any, str]]:
    told = tiny.events(f"{path}/events", last)
    return [(one["event"], one["data"], one.get("id", "")) for one in told]


def test_one_stream_tells_all_and_sums_up(tiny: Any) -> None:
    path = submit(tiny, {"pause": 0.2}, {}, {"crash": True})
    told = watched(tiny, path)
    finals = [data["id"] for kind, data, _ in told if kind == "state" and data["finished_at"]]
    summaries = [data for kind, data, _ in told if kind == "summary"]
    assert len(set(finals)) == len(finals) == len(summaries) == 3
    assert [one["finished"] for one in summaries] == [False, False, True]
    assert summaries[-1]["total"] == 4
    assert summaries[-1]["states"] == {"converted": 2, "failed": 1}
    assert summaries[-1]["verdicts"] == {"verified": 2}
    found = tiny.client.get(path).json()
    assert {one["id"] for one in found.pop("conversions")} == set(finals)
    assert found == summaries[-1]


def test_a_watcher_of_a_batch_goes_on_where_it_was(tiny: Any) -> None:
    path = submit(tiny, {"pause": 0.1}, {"pause": 0.1})
    everything = [event for event in watched(tiny, path) if event[2]]
    middle = len(everything) // 2
    rest = [event for event in watched(tiny, path, everything[middle][2]) if event[2]]
    assert rest == everything[middle + 1 :]
    after = tiny.client.get(f"{path}/events", headers={"last-event-id": everything[-1][2]})
    assert after.status_code == 204


def test_a_batch_is_cancelled_and_then_deleted_as_a_whole(tiny: Any) -> None:
    path = submit(tiny, {"pause": 9.0}, {"pause": 9.0}, {"pause": 9.0})
    ids = [one["id"] for one in tiny.client.get(path).json()["conversions"]]
    cancelled = tiny.client.delete(path)
    assert (cancelled.status_code, cancelled.json()["states"]) == (202, {"cancelled": 3})
    assert tiny.client.delete(path).status_code == 204
    assert tiny.client.get(path).status_code == 404
    assert {tiny.client.get(f"/v1/conversions/{id}").status_code for id in ids} == {404}
    assert not [id for id in ids if (tiny.settings.home / "jobs" / id).exists()]


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        pytest.param({"targets": ["toaster"]}, (422, "no-route"), id="nothing-is-left"),
        pytest.param({"targets": []}, (400, "bad-request"), id="no-target"),
        pytest.param({"targets": [f"t{n}" for n in range(101)]}, (400, "bad-request"), id="many"),
        pytest.param({"targets": ["x"], "to": "x"}, (400, "bad-request"), id="unknown-field"),
        pytest.param({"models": ["f" * 32], "targets": ["x"]}, (404, "not-found"), id="no-model"),
    ],
)
def test_a_batch_of_which_nothing_can_work_is_refused(
    tiny: Any, wish: dict[str, Any], refusal: tuple[int, str]
) -> None:
    answer = tiny.client.post("/v1/batches", json={"models": ["0" * 32], **wish})
    assert (answer.status_code, answer.json()["code"]) == refusal


def test_more_than_may_wait_is_accepted_in_no_part(serve_tiny: Any, tmp_path: Path) -> None:
    with serve_tiny(tmp_path / "home", workers=0, queue_limit=2) as found:
        with pytest.raises(Busy):
            submit(found, {}, {}, {})
        assert found.client.get("/v1/conversions").json()["conversions"] == []


MODEL = """
import sys, numpy, onnx
from onnx import TensorProto, helper, numpy_helper
w = numpy_helper.from_array(numpy.linspace(-1, 1, 64, dtype="float32").reshape(8, 8), "w")
x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8]) for n in "xy")
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [w])
opsets = [helper.make_opsetid("", 13)]
onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), sys.argv[1])
"""


@pytest.mark.env("base")
def test_one_model_goes_to_many_targets(serve: Any, base_python: Path, tmp_path: Path) -> None:
    subprocess.run([base_python, "-c", MODEL, tmp_path / "net.onnx"], check=True)
    with serve(tmp_path / "home") as found:
        found.ready()
        body = (tmp_path / "net.onnx").read_bytes()
        put = found.client.put("/v1/models", params={"filename": "net.onnx"}, content=body)
        wish = {"models": [put.json()["id"]], "targets": ["mnn", "toaster", "onnx.simplify"]}
        answer = found.client.post("/v1/batches", json=wish)
        assert answer.status_code == 202
        assert [one["target"] for one in answer.json()["refused"]] == ["toaster"]
        told = watched(found, answer.headers["location"])
        assert told[-1][0] == "summary"
        assert told[-1][1]["verdicts"] == {"verified": 2}

"""For those who operate it: figures that only grow, and a log that machines read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

NAME = "secret-project.onnx"


@pytest.fixture(scope="module")
def tiny(serve_tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("operating") / "home"
    with serve_tiny(home, log_format="json", api_key="k3y-that-nobody-logs") as found:
        found.client.headers["x-api-key"] = "k3y-that-nobody-logs"
        yield found


def figures(tiny: Any) -> dict[tuple[str, ...], float]:
    text = tiny.client.get("/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families(text)
        for sample in family.samples
    }


def test_what_ends_is_counted_once_and_stays_counted(tiny: Any, submit: Any) -> None:
    before = figures(tiny)
    good, bad = submit(tiny), submit(tiny, crash=True)
    tiny.finished(good)
    tiny.finished(bad)
    tiny.client.delete(f"/v1/conversions/{good}")
    after = figures(tiny)
    grown = {key: value - before.get(key, 0.0) for key, value in after.items()}
    assert grown["modelport_ended_total", "converted", "verified"] == 1
    assert grown["modelport_refusals_total", "worker-died"] == 1
    assert grown["modelport_conversion_seconds_count", "loud"] == 2
    assert grown["modelport_conversion_seconds_bucket", "+Inf", "loud"] == 2
    assert grown["modelport_step_seconds_bucket", "text-to-loud", "3.0"] == 1
    assert grown["modelport_wait_seconds_count",] == 2
    assert grown["modelport_produced_bytes_total",] == 8


def test_buckets_hold_the_smaller_ones(tiny: Any, submit: Any) -> None:
    tiny.finished(submit(tiny))
    found = figures(tiny)
    name = "modelport_wait_seconds_bucket"
    values = [value for key, value in found.items() if key[0] == name]
    assert values == sorted(values)
    assert values[-1] == found["modelport_wait_seconds_count",]


def records(tiny: Any) -> list[dict[str, Any]]:
    lines = tiny.log.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_line_of_the_log_is_one_object(tiny: Any, submit: Any) -> None:
    id = submit(tiny)
    tiny.finished(id)
    found = records(tiny)
    assert all({"time", "level", "logger"} <= record.keys() for record in found)
    ended = [record for record in found if record.get("conversion") == id]
    assert [record["ended"] for record in ended] == ["verified"]


def test_a_request_has_one_id_in_its_answer_and_in_the_log(tiny: Any) -> None:
    given = tiny.client.get("/v1/formats", headers={"x-request-id": "proxy-17"})
    made = tiny.client.get("/v1/formats", headers={"x-request-id": 'x"} {"forged": 1'})
    assert given.headers["x-request-id"] == "proxy-17"
    assert len(made.headers["x-request-id"]) == 32
    ids = [record.get("request") for record in records(tiny) if record.get("path") == "/v1/formats"]
    assert ids[-2:] == ["proxy-17", made.headers["x-request-id"]]


def test_no_key_and_no_name_of_a_file_is_logged(tiny: Any) -> None:
    tiny.client.put("/v1/models", params={"filename": NAME}, content=b"no model" * 100)
    text = tiny.log.read_text("utf-8")
    assert "/v1/models" in text
    assert [word for word in (NAME, "k3y-that", "no model") if word in text] == []

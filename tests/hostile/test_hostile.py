"""Hostile uploads, posted to a running service: refused with a reason, or contained."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from mutations.archives import NOISE
from mutations.case import Case
from mutations.pickles import evil
from mutations.table import OWN, TABLE, ZIP, shared

pytestmark = [pytest.mark.hostile, pytest.mark.env("base")]

KEYS = {"type", "status", "code", "title", "detail", "hint", "step", "operators", "retry"}
CONTAINED = {"timed-out": 504, "out-of-memory": 507, "disk-full": 507}
"""What may end with a 5xx: a limit that did its work."""
MEMORY = 700 << 20
"""Bytes of the server itself: it never loads a model."""
CANARY = Path("/tmp/modelport-canary")
READ = {
    *("onnx", "onnx-external", "ort", "torchscript", "pt2", "pickle", "safetensors", "ncnn"),
    *("mnn", "openvino", "zip", "tar", "gz", "oneflow", "oneflow-state", "npz"),
}
Outcomes = Mapping[str, "Future[Any]"]


def checked(answer: Any, home: str) -> dict[str, Any]:
    """Return a problem document after looking for what none may hold; {} where it is none."""
    if answer.status_code in {200, 201}:
        return {}
    told: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(told) >= KEYS, told
    assert told["status"] == answer.status_code
    assert answer.status_code < 500 or CONTAINED.get(told["code"]) == answer.status_code, told
    words = f"{told['detail']} {told['hint']}"
    for place in (home, "site-packages", "/work/", "/root/", "/home/", "Traceback"):
        assert place not in words
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", words)
    return told


MARKUP = ("<script>alert", "<img src=x", "<svg onload", "<b>")


def unpacked(answer: Any, home: str) -> None:
    """Look into a bundle: names stay inside it, a stranger's text is text, no path is ours."""
    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
        for name in bundle.namelist():
            assert ".." not in name.split("/")
            assert name.isprintable()
            assert name[0] not in "/\\"
        page = bundle.read("report.html").decode()
        told = bundle.read("report.json").decode()
    assert [word for word in MARKUP if word in page.lower()] == []
    assert home not in page + told


@pytest.mark.parametrize("format", ["ort", "torchscript", "pt2", "ncnn", "mnn", "openvino"])
def test_the_sound_twin_converts(attacked: Any, format: str) -> None:
    assert attacked.verdicts[format] == "verified"
    assert attacked.put(attacked.sound[format]).status_code in {200, 201}


def test_the_sound_twin_with_external_data_converts(attacked: Any) -> None:
    made = attacked.sound["written"]
    files = {"m.onnx": made["external-sound.onnx"], "w.data": made["w.data"]}
    assert attacked.convert(files, "openvino").headers["modelport-verdict"] == "verified"


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in TABLE])
def test_a_hostile_upload_is_refused_or_contained(
    attacked: Any, outcomes: Outcomes, case: Case
) -> None:
    found = outcomes[case.id].result()
    home = str(attacked.served.settings.home)
    told = checked(found.put, home)
    checked(found.convert, home)
    if found.convert.status_code == 200:
        unpacked(found.convert, home)
    assert found.memory < MEMORY
    if case.reach == "any":
        return
    assert re.fullmatch(case.code, told.get("code", "")), told
    assert re.search(case.says, told.get("detail", "")), told
    # Words of the intake carry no step; those of a guard or a parser come from the worker.
    wanted = "" if case.reach in {"intake", "taken"} else "inspect"
    assert told.get("step", "").startswith(wanted)


@pytest.mark.parametrize("content", [NOISE, ZIP, evil()], ids=["noise", "zip", "pickle"])
@pytest.mark.parametrize(
    "format", ["onnx", "ort", "torchscript", "pt2", "safetensors", "ncnn", "mnn", "openvino"]
)
def test_naming_a_format_lets_nothing_through(attacked: Any, format: str, content: bytes) -> None:
    told = checked(attacked.put({"m.bin": content}, format), str(attacked.served.settings.home))
    assert told["code"] in {"corrupt-model", "unknown-format", "unsafe-model"}


@pytest.mark.skipif(shared() is None, reason="MODELPORT_HOSTILE names no folder of hostile files")
def test_every_shared_case_is_in_the_table() -> None:
    folder = shared()
    assert folder is not None
    rows = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert {f"shared-{row['id']}" for row in rows} <= {case.id for case in TABLE}


def test_every_format_has_five_faults_and_a_parser_that_is_reached() -> None:
    counts = {name: sum(case.format == name for case in OWN) for name in READ}
    assert min(counts.values()) >= 5, counts
    assert len(OWN) >= 60
    assert len({case.id for case in TABLE}) == len(TABLE)
    # The others are read by us alone, in Python.
    reached = Counter(case.format for case in OWN if case.reach == "native")
    assert set(reached) == {"onnx", "ort", "torchscript", "pt2", "ncnn", "mnn", "openvino"}
    assert min(reached.values()) >= 5, reached


def test_afterwards_nothing_has_escaped_or_stayed(attacked: Any, outcomes: Outcomes) -> None:
    for future in outcomes.values():
        future.result()
    assert list(CANARY.rglob("*")) == []
    deadline = time.monotonic() + 30
    while len(left := attacked.processes()) > attacked.calm and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(left) <= attacked.calm, left
    home = attacked.served.settings.home
    assert list((home / "staging").glob("*")) == []
    assert [path for path in home.rglob("work") if path.is_dir()] == []


def test_afterwards_a_good_model_still_converts(attacked: Any, outcomes: Outcomes) -> None:
    for future in outcomes.values():
        future.result()
    assert attacked.served.client.get("/healthz").status_code == 200
    answer = attacked.convert(attacked.sound["onnx"], "openvino")
    assert answer.headers["modelport-verdict"] == "verified"

"""Proofs: what a bench keeps is what a reader gets, and nonsense is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from benchmarks import proof
from benchmarks.proof import Proof

from modelport.errors import UnsupportedOperator

ONE = Proof(
    "onnx", "ncnn", "resnet18", "verified", "scoreboard", "2026-11-25",
    error=1.2e-7, versions={"ncnn": "1.0"}, route=("onnx-to-ncnn",),
)  # fmt: skip


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    proof.keep([ONE], path)
    assert (proof.read(path), proof.read(path)[0].versions) == ([ONE], ONE.versions)


def test_a_newer_proof_takes_the_place_of_the_older_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    other = dataclasses.replace(ONE, model="alexnet")
    newer = dataclasses.replace(ONE, outcome="unverified", date="2026-11-26", reason="no runtime")
    proof.keep([ONE, other], path)
    proof.keep([newer], path)
    assert proof.read(path) == sorted([other, newer])


def test_a_whole_run_forgets_models_that_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    proof.keep([dataclasses.replace(ONE, model="gone")], path)
    proof.replace([ONE], path)
    assert proof.read(path) == [ONE]


def test_a_set_of_models_keeps_each_of_its_outcomes(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    some = [dataclasses.replace(ONE, cases=5, outcome=name) for name in ("verified", "alike")]
    proof.keep(some, path)
    assert len(proof.read(path)) == 2


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"outcome": "fine"}, id="no-outcome"),
        pytest.param({"date": "yesterday"}, id="no-day"),
        pytest.param({"error": float("nan")}, id="no-number"),
        pytest.param({"model": ""}, id="no-model"),
        pytest.param({"cases": 0}, id="no-case"),
    ],
)
def test_nonsense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # each row has another message
        dataclasses.replace(ONE, **fields)  # type: ignore[arg-type]  # a table of fields


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(json.dumps({"format": 2, "proofs": []}))
    with pytest.raises(ValueError, match="format 2"):
        proof.read(path)


def test_a_refusal_keeps_its_code_and_its_words() -> None:
    error = UnsupportedOperator("Einsum has no counterpart in NCNN")
    found = proof.of_error(error, "onnx", "ncnn", "net", "scoreboard", day="2026-11-25")
    assert (found.outcome, found.reason) == ("unsupported-operator", str(error))


def test_a_report_gives_its_verdict_its_route_and_its_largest_error() -> None:
    report = {
        "source": {"format": "onnx"},
        "target": {"format": "onnx", "variant": "fp16"},
        "verdict": "alike",
        "reason": "quantised",
        "verification": {"comparisons": [{"max_rel": 1e-3}, {"max_rel": 2e-3}]},
        "attempts": [
            {"chosen": False, "route": ["a"], "steps": []},
            {"chosen": True, "route": ["b"], "steps": [{"versions": {"onnx": "1.23.2"}}]},
        ],
    }
    found = proof.of_report(report, "net", "scoreboard", "2026-11-25")
    want = Proof(
        "onnx", "onnx.fp16", "net", "alike", "scoreboard", "2026-11-25",
        error=2e-3, versions={"onnx": "1.23.2"}, route=("b",), reason="quantised",
    )  # fmt: skip
    assert (found, found.error, found.versions) == (want, 2e-3, want.versions)


def test_the_committed_files_can_be_read() -> None:
    paths = list(proof.FOLDER.glob("*.json"))
    assert all(proof.read(path) for path in paths)

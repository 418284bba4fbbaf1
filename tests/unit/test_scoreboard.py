"""The scoreboard's runner: what is filled again, and that a crash is an outcome."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from benchmarks import cell, strict
from benchmarks.scoreboard import fill, filled, summary


@pytest.fixture
def job(tmp_path: Path) -> cell.Job:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"no model")
    key = cell.key(cell.code_digest("ort"), model, {}, None)
    return cell.Job("model", str(model), "ort", str(tmp_path / "cell.json"), key)


def test_a_refusal_is_an_answer_and_is_kept(job: cell.Job) -> None:
    done = fill(job)
    assert (done["outcome"], filled(job)) == ("unknown-format", done)


def test_a_crash_of_one_cell_is_an_outcome(job: cell.Job) -> None:
    broken: dict[str, list[int]] = {"x": 5}  # type: ignore[dict-item]  # makes the child fail
    done = fill(dataclasses.replace(job, shapes=broken))
    assert (done["outcome"], "TypeError" in done["reason"]) == ("crashed", True)


def test_another_model_makes_a_cell_stale(job: cell.Job) -> None:
    fill(job)
    Path(job.file).write_bytes(b"another")
    key = cell.key(cell.code_digest("ort"), Path(job.file), {}, None)
    assert filled(dataclasses.replace(job, key=key)) is None


def test_the_code_of_one_framework_is_no_part_of_anothers_cells() -> None:
    digests = {target: cell.code_digest(target) for target in ("mnn", "ncnn", "torchscript", "ort")}
    assert len({digests["mnn"], digests["ncnn"], digests["ort"]}) == 3
    assert digests["torchscript"] == digests["ort"], "of onnx, pytorch and the core alone"


def test_a_strict_limit_is_part_of_the_cell_and_a_fault_instead_of_it_is_told(
    job: cell.Job, tmp_path: Path
) -> None:
    slow, small = strict.strict(job, tmp_path)
    assert (slow.seconds, small.memory) == (strict.SECONDS, strict.MEMORY)
    assert len({job.key, slow.key, small.key}) == len({job.place, slow.place, small.place}) == 3
    good = [{"outcome": "timed-out"}, {"outcome": "out-of-memory"}]
    assert not strict.missed(good)
    assert strict.missed([{"outcome": "worker-died"}, good[1]])


def test_the_summary_counts_every_outcome() -> None:
    cells = [{"outcome": name} for name in ("verified", "verified", "alike", "crashed")]
    assert summary(cells) == "4 cells: 2 verified, 1 alike, 1 crashed; 3 good, 1 not"

"""Converts every corpus model to every base target and writes docs/scoreboard.md.

``python -m benchmarks.scoreboard [--only TEXT] [--targets a,b]``; cells are kept under
MODELPORT_HOME/scoreboard and filled again when the code under converters/, the model or
its inputs changed, so that a broken run goes on where it was. A run of a part writes no
page unless ``--page`` names one.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks import bare, cell, proof, published, strict
from benchmarks.cell import Job
from benchmarks.models import ROOT, Row, rows, wanted
from benchmarks.proof import Proof
from benchmarks.table import GOOD, TITLES, write
from modelport.engine import House

PAGE = ROOT / "docs" / "scoreboard.md"
PATIENCE = 2400.0
"""Seconds after which a cell counts as hung: its steps and candidates have limits far below."""

TOOLS = {
    "onnx": ("onnx", "onnxsim", "onnxslim", "onnxoptimizer"),
    "ort": ("onnx", "onnxruntime"),
    "openvino": ("onnx", "openvino"),
    "mnn": ("onnx", "MNN"),
    "ncnn": ("onnx", "ncnn", "pnnx"),
    "torchscript": ("onnx", "onnx2torch", "torch"),
    "pt2": ("onnx", "onnx2torch", "torch"),
}
"""What does the work of each target, of the environment's packages."""

BROKEN = {"crashed", "hung"}
"""Outcomes that no model may have: the conversion did not end by itself in an answer."""


def jobs(listed: Sequence[Row], targets: Sequence[str], results: Path, budget: float) -> list[Job]:
    """Return the cells that are wanted, filled or not."""
    return [
        Job(
            model=row.id,
            file=str(row.file),
            target=target,
            place=str(results / f"{row.id}--{target}.json"),
            key=cell.key(cell.code_digest(target), row.file, row.shapes, row.inputs),
            shapes=row.shapes,
            inputs=str(row.inputs or ""),
            budget=budget,
        )
        for row in listed
        for target in targets
        if wanted(row, target)
    ]


def filled(job: Job) -> dict[str, Any] | None:
    """Return the cell of ``job`` if it is there and of this code, model and input."""
    try:
        found: dict[str, Any] = json.loads(Path(job.place).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if found.get("key") == job.key else None


def fill(job: Job) -> dict[str, Any]:
    """Fill one cell in a process of its own; a crash or a hang of that is an outcome too."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, Path(scratch, "log").open("w+b") as log:
        order = Path(scratch) / "job.json"
        cell.save(job, order)
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.cell", str(order)],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            status = child.wait(PATIENCE)
            outcome = "crashed"
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            status, outcome = child.wait(), "hung"
        done = filled(job)
        if status == 0 and done is not None:
            return done
        log.seek(0)
        words = [line for line in log.read().decode("utf-8", "replace").splitlines() if line]
    lost: dict[str, Any] = {
        "model": job.model,
        "target": job.target,
        "key": job.key,
        "outcome": outcome,
        "reason": f"status {status}: {words[-1] if words else 'no words'}",
        "operators": {},
        "hint": "",
        "tried": [],
        "seconds": round(time.monotonic() - begin, 1),
    }
    Path(job.place).write_text(json.dumps(lost, indent=1), "utf-8")
    return lost


def run(
    listed: Sequence[Row],
    targets: Sequence[str],
    results: Path,
    *,
    budget: float = 600.0,
    workers: int = 2,
) -> list[dict[str, Any]]:
    """Fill what is missing or stale, a line a cell; return all cells in the order asked for."""
    results.mkdir(parents=True, exist_ok=True)
    asked = jobs(listed, targets, results, budget)
    done = {job.place: filled(job) for job in asked}
    missing = [job for job in asked if done[job.place] is None]
    print(f"{len(asked)} cells, {len(asked) - len(missing)} of them up to date", flush=True)
    with ThreadPoolExecutor(workers) as pool:
        pending = {pool.submit(fill, job): job for job in missing}
        for count, future in enumerate(as_completed(pending), 1):
            found = future.result()
            done[pending[future].place] = found
            words = f"{found['model']:36} {found['target']:12} {found['outcome']:22}"
            print(f"[{count}/{len(missing)}] {words} {found['seconds']:7.1f} s", flush=True)
    return [found for job in asked if (found := done[job.place]) is not None]


def limited(listed: Sequence[Row], results: Path) -> list[dict[str, Any]]:
    """Return the cells under stricter limits; none where their model is not listed."""
    chosen = [row for row in listed if row.id == strict.MODEL]
    asked = jobs(chosen, [strict.TARGET], results, budget=600.0)
    return [filled(job) or fill(job) for base in asked for job in strict.strict(base, results)]


def summary(cells: Sequence[dict[str, Any]]) -> str:
    """Return the last line of a run."""
    counts = Counter(found["outcome"] for found in cells)
    good = sum(counts[name] for name in GOOD)
    listed = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return f"{len(cells)} cells: {listed}; {good} good, {len(cells) - good} not"


def classes(folder: Path, weights: frozenset[str]) -> list[tuple[str, str]]:
    """Return what the published classes of the weights would not do."""
    return [
        (f"{entry.id}, {entry.cls}, {step}", said)
        for entry in published.entries()
        if entry.id in weights
        for step, said in published.failures(entry, folder).items()
    ]


def proofs(cells: Sequence[dict[str, Any]], house: House) -> list[Proof]:
    """Return what the cells prove; one that crashed or hung proves nothing."""
    pins = dict(pin.split("==") for pin in house.registry.environments["base"].requires)
    sources = {".pt": "torchscript", ".pt2": "pt2"}
    return [
        Proof(
            source=sources.get(Path(found["model"]).suffix, "onnx"),
            target=found["target"],
            model=found["model"],
            outcome=found["outcome"],
            bench="scoreboard",
            date=found.get("day") or proof.today(),
            error=found.get("error"),
            versions={name: pins[name] for name in TOOLS[found["target"]]},
            route=tuple(found.get("route", ())),
            reason="" if found["outcome"] in GOOD else found["reason"][: proof.LONGEST_REASON],
        )
        for found in cells
        if found["outcome"] not in BROKEN
    ]


def main() -> int:
    """Run what is missing, then write the table; 1 where one crashed, hung or missed its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="models whose id contains one of these, by ,")
    parser.add_argument("--targets", default=",".join(TITLES))
    parser.add_argument("--page", type=Path, help="write the page there, of a part as well")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    house = House.open()
    home = house.home / "scoreboard"
    parts = asked.only.split(",")
    listed = list(rows(home, house, parts))
    begin = time.monotonic()
    targets = asked.targets.split(",")
    cells = run(listed, targets, home / "results", workers=asked.workers)
    bare.beside(cells, {row.id: row for row in listed}, home / "bare", house)
    whole = not asked.only and set(targets) == set(TITLES)
    page = asked.page or (PAGE if whole else None)
    under: list[dict[str, Any]] = []
    weights = frozenset(row.id for row in listed if row.weights)
    if page:
        under = limited(listed, home / "results")
        faults = classes(home / "corpus", weights)
        write(cells, house, page, weights=weights, classes=faults, limited=under)
    if whole:  # files of weights alone have no place in a table of pairs
        kept = [found for found in cells if found["model"] not in weights]
        proof.replace(proofs(kept, house), proof.FOLDER / "scoreboard.json")
    print(f"{summary(cells)}; {time.monotonic() - begin:.0f} s", flush=True)
    return int(any(found["outcome"] in BROKEN for found in cells) or strict.missed(under))


if __name__ == "__main__":
    sys.exit(main())

"""Converts every corpus model to every base target and writes docs/scoreboard.md.

``python -m benchmarks.scoreboard [--only TEXT] [--targets a,b]``; results are kept
model by model under MODELPORT_HOME/scoreboard, so that a broken run goes on where it was.
Fixtures (``ID.npz`` with ``in:NAME`` arrays, ``/`` written ``|``) are used as the user's
inputs where MODELPORT_FIXTURES names their folder; else inputs are drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import corpus
from benchmarks.table import write
from modelport import engine
from modelport.engine import House
from modelport.errors import ModelportError

ROOT = Path(__file__).resolve().parent.parent
BUILDERS = ROOT / "tests" / "corpus" / "pytorch" / "builders.py"
SUFFIX = {"torchscript": ".pt", "pt2": ".pt2"}
"""A model in the target's own format is no conversion; ONNX is: its passes."""

TARGETS = ("onnx", "ort", "openvino", "mnn", "ncnn", "torchscript", "pt2")
SECONDS = 240.0
"""Wall-clock limit of one step: the largest model here is 17 MB."""


@dataclass(frozen=True)
class Row:
    """One model of the table."""

    id: str
    file: Path
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    inputs: Path | None = None


def rows(home: Path, house: House) -> Iterator[Row]:
    """Yield every model, fetching or making what is missing."""
    folder = home / "corpus"
    corpus.fetch(folder)
    for entry in corpus.entries():
        path = entry.path(folder)
        if entry.seeded:
            path = _seeded(path, house)
        shapes = {name: tuple(shape) for name, shape in entry.shapes.items()}
        yield Row(entry.id, path, shapes)
    made = home / "made"
    if not made.is_dir():
        python = house.envs.python("base")
        subprocess.run([python, BUILDERS, made], check=True, cwd=ROOT)
    for path in sorted(made.glob("*.pt")) + sorted(made.glob("*.pt2")):
        yield Row(path.name, path)


def _seeded(path: Path, house: House) -> Path:
    target = path.with_name(f"seeded-{path.name}")
    if not target.is_file():
        script = Path(__file__).with_name("seeding.py")
        subprocess.run([house.envs.python("base"), script, path, target], check=True)
    return target


def _inputs(row: Row, scratch: Path) -> Path | None:
    if row.inputs is not None:
        return row.inputs
    folder = os.environ.get("MODELPORT_FIXTURES")
    if not folder or not (Path(folder) / f"{row.id}.npz").is_file():
        return None
    with np.load(Path(folder) / f"{row.id}.npz") as archive:
        arrays = {k[3:].replace("|", "/"): archive[k] for k in archive if k.startswith("in:")}
    path = scratch / "inputs.npz"
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # names come from the file
    return path


def convert(row: Row, target: str, budget: float) -> dict[str, Any]:
    """Convert one model and return its cell of the table."""
    opened = House.open()
    limits = replace(opened.limits, seconds=SECONDS, threads=1)
    house = replace(opened, limits=limits, budget=budget)
    begin = time.monotonic()
    cell: dict[str, Any] = {"model": row.id, "target": target, "operators": {}}
    with tempfile.TemporaryDirectory(prefix="scoreboard-", dir=opened.home) as scratch:
        inputs = _inputs(row, Path(scratch))
        shapes = {} if inputs else row.shapes
        request = engine.Request((row.file,), target, shapes=shapes, inputs=inputs)
        try:
            done = engine.convert(request, Path(scratch) / "work", house)
            report = done.report
            comparisons = report["verification"]["comparisons"]
            cell.update(
                outcome=done.verdict.value,
                reason=report["reason"],
                error=max((c["max_rel"] or 0.0 for c in comparisons), default=None),
                size=report["result"]["size"],
                route=next(a["route"] for a in report["attempts"] if a["chosen"]),
                restrictions=report["restrictions"],
                default=report["verification"]["details"].get("runtimes", {}).get("default"),
            )
        except ModelportError as exc:
            report = exc.report
            cell.update(outcome=exc.code, reason=str(exc), operators=exc.operators)
    cell["seconds"] = round(time.monotonic() - begin, 1)
    cell["tried"] = [
        {
            "route": tried["route"],
            "said": tried["error"].get("detail") or (tried["verification"] or {}).get("reason", ""),
        }
        for tried in report.get("attempts", [])
        if not tried["chosen"]
    ]
    return cell


def run(
    listed: Sequence[Row], targets: Sequence[str], results: Path, *, budget: float = 600.0
) -> list[dict[str, Any]]:
    """Convert every model to every target, two at a time; return all cells, old and new."""
    results.mkdir(parents=True, exist_ok=True)
    # spawn: a forked child would share the parent's threads and locks
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        pending = {}
        for row in listed:
            for target in targets:
                place = results / f"{row.id}--{target}.json"
                if row.file.suffix != SUFFIX.get(target) and not place.is_file():
                    pending[pool.submit(convert, row, target, budget)] = place
        for future in as_completed(pending):
            cell = future.result()
            words = f"{cell['model']:36} {cell['target']:12} {cell['outcome']:22}"
            print(f"{words} {cell['seconds']:6}", flush=True)
            pending[future].write_text(json.dumps(cell, indent=1), "utf-8")
    return [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))]


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="models whose id contains this")
    parser.add_argument("--targets", default=",".join(TARGETS))
    asked = parser.parse_args()
    house = House.open()
    home = house.home / "scoreboard"
    listed = [row for row in rows(home, house) if asked.only in row.id]
    cells = run(listed, asked.targets.split(","), home / "results")
    write(cells, house, ROOT / "docs" / "scoreboard.md")


if __name__ == "__main__":
    main()

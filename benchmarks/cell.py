"""Converts one model to one target, in a process of its own: ``python -m benchmarks.cell JOB``.

JOB is a JSON file with what ``Job`` holds; the cell is written to ``Job.place``. Only the
process that asks for it survives whatever a conversion does, so that a run goes on.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import proof
from modelport import engine
from modelport.engine import House
from modelport.errors import ModelportError
from modelport.sandbox import workplace

FOLDERS = {"ort": "onnx", "torchscript": "pytorch", "pt2": "pytorch"}
CONVERTERS = Path(__file__).resolve().parent.parent / "converters"
SECONDS = 240.0
"""Wall-clock limit of one step: the largest model here has 244 MB."""


@dataclass(frozen=True)
class Job:
    """One cell to fill.

    Attributes:
        key: Of all that the cell depends on; a cell with another key is stale.
        budget: Seconds after which no further candidate is tried.
        seconds: Wall-clock limit of one step.
        memory: Bytes that one step may use; 0 is what this machine gives by default.
    """

    model: str
    file: str
    target: str
    place: str
    key: str
    shapes: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    inputs: str = ""
    budget: float = 600.0
    seconds: float = SECONDS
    memory: int = 0


@cache
def code_digest(target: str) -> str:
    """Return a digest of the code and pins under converters/ that a cell of ``target`` tests."""
    plugins = CONVERTERS / "modelport_plugins"
    own = {"onnx", "pytorch", FOLDERS.get(target, target)}
    digest = hashlib.sha256()
    for path in sorted(CONVERTERS.rglob("*")):
        other = path.is_relative_to(plugins) and path.relative_to(plugins).parts[:-1][:1]
        if path.suffix in {".py", ".toml", ".lock"} and not (other and other[0] not in own):
            digest.update(f"{path.relative_to(CONVERTERS)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def key(code: str, file: Path, shapes: Mapping[str, Any], inputs: Path | None) -> str:
    """Return the key of a cell: code, model, and what it is run on."""
    digest = hashlib.sha256(f"{code}{sorted(shapes.items())}".encode())
    for path in (file, inputs):
        if path is not None:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]


def convert(job: Job) -> dict[str, Any]:
    """Convert one model and return its cell of the table."""
    opened = House.open()
    memory = job.memory or opened.limits.memory
    limits = replace(opened.limits, seconds=job.seconds, threads=1, memory=memory)
    house = replace(opened, limits=limits, budget=job.budget)
    begin = time.monotonic()
    cell: dict[str, Any] = {"model": job.model, "target": job.target, "operators": {}, "hint": ""}
    cell["key"] = job.key
    cell["day"] = proof.today()
    with workplace(opened.home) as scratch:
        inputs = Path(job.inputs) if job.inputs else None
        shapes = {} if inputs else {name: tuple(sizes) for name, sizes in job.shapes.items()}
        request = engine.Request((Path(job.file),), job.target, shapes=shapes, inputs=inputs)
        try:
            done = engine.convert(request, scratch / "work", house)
            report = done.report
            cell.update(outcome=done.verdict.value, reason=report["reason"], **_figures(report))
        except ModelportError as exc:
            report = exc.report
            cell.update(outcome=exc.code, reason=str(exc), operators=exc.operators, hint=exc.hint)
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


def _figures(report: Mapping[str, Any]) -> dict[str, Any]:
    details = report["verification"]["details"]
    comparisons = report["verification"]["comparisons"]
    return {
        "error": max((c["max_rel"] or 0.0 for c in comparisons), default=None),
        "size": report["result"]["size"],
        "route": next(a["route"] for a in report["attempts"] if a["chosen"]),
        "restrictions": report["restrictions"],
        "layers": report["sandbox"]["layers"],
        "default": details.get("runtimes", {}).get("default"),
    }


def save(job: Job, path: Path) -> None:
    """Write a job for ``main`` to read."""
    path.write_text(json.dumps(asdict(job)), "utf-8")


def main(argv: list[str]) -> None:
    """Fill one cell."""
    job = Job(**json.loads(Path(argv[0]).read_text("utf-8")))
    part = Path(f"{job.place}.part")
    part.write_text(json.dumps(convert(job), indent=1), "utf-8")
    part.replace(job.place)


if __name__ == "__main__":
    main(sys.argv[1:])

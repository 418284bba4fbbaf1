"""What a bench proved, in one committed file a bench: ``benchmarks/proofs/NAME.json``.

``docs/support.md`` is made of these files (``make support``), so that nobody has to run all
benches to know what was seen. A file is written by its bench, never by hand::

    {"format": 1,
     "proofs": [
      {"source": "onnx", "target": "ncnn", "model": "resnet18", "outcome": "verified",
       "error": 1.2e-07, "date": "2026-11-25", "versions": {"ncnn": "1.0.20261020"},
       "route": ["onnx-to-ncnn.pnnx"], "cases": 1, "bench": "scoreboard", "reason": ""}
     ]}

A bench converts, makes a proof of what came of it, a result or an error, and keeps it::

    found = proof.of_request(request, "onnx", "resnet18", "paddle", house)
    proof.keep([found], proof.FOLDER / "paddle.json")

``keep`` replaces the proof of the same source, target, model and bench, and leaves the others.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from modelport import engine
from modelport.errors import BY_CODE, ModelportError
from modelport.model import Verdict
from modelport.sandbox import workplace

FOLDER = Path(__file__).with_name("proofs")
FORMAT = 1
MEASURED = "measured"
LONGEST_REASON = 300  # characters
OUTCOMES = frozenset({MEASURED, *(verdict.value for verdict in Verdict), *BY_CODE})


@dataclass(frozen=True, order=True)
class Proof:
    """What came of one model on its way from one format to another.

    Attributes:
        source: Id of a format, e.g. ``onnx``.
        target: Id of a format, or of a pass, e.g. ``onnx.fp16``.
        model: What the bench calls the model; the same on each run.
        outcome: A verdict of the whole flow; the code of the error that refused the model
            (modelport/errors.py); or ``measured``: outputs were held against the source's own
            framework by a bench outside of the flow, and ``error`` is all that is known.
        bench: Which bench saw it: the module's name, e.g. ``scoreboard``.
        date: Day of the run (ISO 8601).
        error: Largest difference of any output, relative to the output's scale; None where
            nothing was compared.
        versions: Of the tools that did the work, by name of the package.
        route: Ids of the converters that were chosen; empty where none was.
        cases: How many models it stands for; above 1, ``model`` names a set of them and
            ``error`` is the largest of all.
        reason: Why it is not ``verified``, as the user is told.
    """

    source: str
    target: str
    model: str
    outcome: str
    bench: str
    date: str
    error: float | None = field(default=None, compare=False)
    versions: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    route: tuple[str, ...] = ()
    cases: int = 1
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what no reader could use.

        Raises:
            ValueError: An unknown outcome, no date, an error that is no number, or no model.
        """
        if self.outcome not in OUTCOMES:
            raise ValueError(f"{self.model}: no verdict and no error's code: {self.outcome!r}")
        date.fromisoformat(self.date)
        if self.error is not None and not math.isfinite(self.error):
            raise ValueError(f"{self.model}: the error is no number: {self.error}")
        if not (self.source and self.target and self.model and self.bench and self.cases > 0):
            raise ValueError(f"a proof needs source, target, model, bench and cases: {self}")

    @property
    def key(self) -> tuple[str, ...]:
        """Return what a newer proof of the same replaces; a set may have several outcomes."""
        told = (self.source, self.target, self.model, self.bench)
        return (*told, self.outcome) if self.cases > 1 else told


def today() -> str:
    """Return the day in UTC (ISO 8601)."""
    return datetime.now(UTC).date().isoformat()


def of_request(
    request: engine.Request, source: str, model: str, bench: str, house: engine.House
) -> Proof:
    """Convert, and return what came of it; the result itself is gone afterwards."""
    with workplace(house.home) as scratch:
        try:
            done = engine.convert(request, scratch / "work", house)
        except ModelportError as error:
            return of_error(error, source, request.target, model, bench)
        return of_report(done.report, model, bench)


def of_report(report: Mapping[str, Any], model: str, bench: str, day: str = "") -> Proof:
    """Return the proof that the report of a finished conversion holds; ``day`` is today's else."""
    chosen = next(tried for tried in report["attempts"] if tried["chosen"])
    target = report["target"]
    verdict = report["verdict"]
    comparisons = report["verification"]["comparisons"]
    versions: dict[str, str] = {}
    for step in chosen["steps"]:
        versions |= step["versions"]
    return Proof(
        source=report["source"]["format"],
        target=".".join(part for part in (target["format"], target["variant"]) if part),
        model=model,
        outcome=verdict,
        bench=bench,
        date=day or today(),
        error=max((one["max_rel"] or 0.0 for one in comparisons), default=None),
        versions=versions,
        route=tuple(chosen["route"]),
        reason="" if verdict == Verdict.VERIFIED else report["reason"][:LONGEST_REASON],
    )


def of_error(
    error: ModelportError, source: str, target: str, model: str, bench: str, *, day: str = ""
) -> Proof:
    """Return the proof that ``model`` was refused, and why; ``day`` is today's else."""
    said = str(error)[:LONGEST_REASON]
    return Proof(source, target, model, error.code, bench, day or today(), reason=said)


def read(path: Path) -> list[Proof]:
    """Return the proofs of one file.

    Raises:
        ValueError: It is of another format, or one of its proofs is.
    """
    told = json.loads(path.read_text("utf-8"))
    if told.get("format") != FORMAT:
        raise ValueError(f"{path.name}: format {told.get('format')!r}, expected {FORMAT}")
    return [Proof(**{**one, "route": tuple(one.get("route", ()))}) for one in told["proofs"]]


def everything(folder: Path = FOLDER) -> list[Proof]:
    """Return the proofs of all files, sorted."""
    return sorted(proof for path in folder.glob("*.json") for proof in read(path))


def keep(proofs: Iterable[Proof], path: Path) -> None:
    """Add ``proofs`` to the file, in place of older ones of the same; a line a proof."""
    known = {proof.key: proof for proof in (read(path) if path.is_file() else ())}
    known |= {proof.key: proof for proof in proofs}
    _write(sorted(known.values()), path)


def replace(proofs: Iterable[Proof], path: Path) -> None:
    """Let the file hold ``proofs`` and nothing else: a bench that ran whole forgets old models."""
    _write(sorted({proof.key: proof for proof in proofs}.values()), path)


def _write(proofs: list[Proof], path: Path) -> None:
    lines = ",\n".join(f"  {json.dumps(_lean(proof), ensure_ascii=False)}" for proof in proofs)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(f'{{\n "format": {FORMAT},\n "proofs": [\n{lines}\n ]\n}}\n', "utf-8")
    part.replace(path)


def _lean(proof: Proof) -> dict[str, Any]:
    """Return the fields as JSON: errors with two digits, since more only makes noise in a diff."""
    told = dataclasses.asdict(proof)
    if proof.error is not None:
        told["error"] = float(f"{proof.error:.1e}")
    return {**told, "versions": dict(sorted(proof.versions.items())), "route": list(proof.route)}

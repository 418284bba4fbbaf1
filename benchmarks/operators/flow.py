"""Takes one case, or a union of cases, through the unchanged flow, and reads what it says."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.operators.group import Found, Line, shareable
from benchmarks.operators.screen import difference
from modelport import engine, verify
from modelport.engine import House
from modelport.errors import InputError, ModelportError
from modelport.model import Port
from modelport.sandbox import workplace
from modelport_sdk import tensors

SECONDS = 120.0
"""Wall-clock limit of one step; these models have a few nodes."""

ONE_ROUTE = 0.0
"""Budget of a union: its failing cases get every route when they run alone."""

LATE = {"ncnn": 90.0}
"""Budget of a union where the edge that takes most models comes late among the routes."""


@dataclass(frozen=True)
class Place:
    """Where a run keeps its files.

    Attributes:
        cases: What ``cases.py`` and ``truth.py`` wrote.
        unions: Unions by the digest of their names.
        budget: Seconds after which a single case tries no further route.
    """

    house: House
    cases: Path
    unions: Path
    budget: float


def flow(members: Sequence[Line], target: str, place: Place) -> Found:
    """Convert one group and return what was found."""
    alone = len(members) == 1
    model, inputs = source(members, place)
    limits = replace(place.house.limits, seconds=SECONDS, threads=1)
    budget = place.budget if alone else LATE.get(target, ONE_ROUTE)
    house = replace(place.house, limits=limits, budget=budget)
    begin = time.monotonic()
    with workplace(house.home) as scratch:
        request = engine.Request((model,), target, inputs=inputs)
        work = scratch / "work"
        try:
            done = engine.convert(request, work, house)
        except ModelportError as exc:
            tried = len(exc.report.get("attempts", []))
            facts = {"seconds": round(time.monotonic() - begin, 1), "routes": tried}
            before = isinstance(exc, InputError) and not tried
            named = tuple(name.rpartition("::")[2] for name in exc.operators)
            return Found(exc.code, _words(exc), named, before=before, facts=facts)
        found = _read(done.report, done.verdict.value)
        expected = _expected(members, done.report, work, place) if found.excess else {}
    seconds = round(time.monotonic() - begin, 1)
    return replace(found, facts={**found.facts, "seconds": seconds, "expected": expected})


def _words(exc: ModelportError) -> str:
    return f"{exc} ({exc.hint})" if exc.hint else str(exc)


def source(members: Sequence[Line], place: Place) -> tuple[Path, Path | None]:
    """Return the model and its inputs, building the union where it is not there yet."""
    names = [line["name"] for line in members]
    if len(names) == 1:
        inputs = place.cases / f"{names[0]}.npz"
        usable = shareable(members[0]) and inputs.is_file()
        return place.cases / f"{names[0]}.onnx", inputs if usable else None
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    stem = place.unions / f"union-{digest}"
    if not stem.with_suffix(".npz").is_file():
        place.unions.mkdir(parents=True, exist_ok=True)
        script = Path(__file__).with_name("union.py")
        python = place.house.envs.python("base")
        subprocess.run([python, script, place.cases, stem, *names], check=True)
    return stem.with_suffix(".onnx"), stem.with_suffix(".npz")


def _read(report: Mapping[str, Any], outcome: str) -> Found:
    told = report["verification"]
    details = told["details"]
    failures = " ".join(details.get("failures", ()))
    facts = {
        "routes": len(report["attempts"]),
        "route": next(a["route"] for a in report["attempts"] if a["chosen"]),
        "typical": len(details.get("cases", ())),
    }
    return Found(
        outcome,
        f"{report['reason']} {failures}".strip(),
        failed=tuple(c["output"] for c in told["comparisons"] if not c["passed"]),
        still=tuple(details.get("insensitive", ())),
        excess={c["output"]: c["excess"] for c in told["comparisons"]},
        facts=facts,
    )


def _expected(
    members: Sequence[Line], report: Mapping[str, Any], work: Path, place: Place
) -> dict[str, str]:
    """Hold what the result gave on the cases' own inputs against the outputs onnx ships.

    The run is the last one of the flow, in the target's own runtime; what is compared
    here has passed through neither the reference nor the rule of the verification.
    Returns a word by case: ``agrees``, ``not run``, or how far it is off.
    """
    last = max((work / "outputs").iterdir()) / "0" / "given.npz"
    if not last.is_file():
        return dict.fromkeys((line["name"] for line in members), "not run")
    ports = [
        Port(row["source"]["name"], row["target"]["name"], tuple(row["axes"]))
        for row in report["io"]["outputs"]
        if row["target"]
    ]
    outputs = verify.to_source(tensors.load(last), ports)
    words = {}
    for index, line in enumerate(members):
        stem = "" if len(members) == 1 else f"c{index}_"
        path = place.cases / f"{line['name']}.expected.npz"
        if path.is_file():
            with np.load(path) as wanted:
                told = [
                    difference(wanted[name], outputs.get(stem + name), line)
                    for name in line["outputs"]
                ]
            words[line["name"]] = next((word for word in told if word), "agrees")
    return words

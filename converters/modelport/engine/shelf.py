"""Keeps a study on disk: everything that a verdict needs of the source, or nothing at all."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelport import inputs, verify
from modelport.engine.outputs import Outputs, Ran
from modelport.model import Case, Tensors, jsonable
from modelport_sdk import tensors

FAULTS = 5
"""Planted faults a source: as many as were planted in each model that the rule was set on."""

REMARKED, SENTENCE = 4, 200
"""Cases named, and characters of the runtime's own words, in a remark."""

ROUNDED = "weights-fp16"
NO_VARIANT = "no such variant"
"""How the worker begins its sentence when a runtime raised LookupError."""

NUDGES: Mapping[str, str | int] = {"ulp-up": "up", "ulp-random": 1}
FLOOR_VARIANTS = ("unoptimised", "basic", "weights-ulp")


@dataclass(frozen=True)
class Study:
    """What is known of a source.

    Attributes:
        shapes: The concrete shape chosen for every input.
        cases: The battery, those that the source itself refuses left out.
        reference: The source's outputs by case.
        floor: Noise and scale; None where there is no reference.
        rounded: The outputs with weights rounded to float16; may be empty.
        guards: By precision: what moves with the inputs, and whether planted faults are seen.
        quantised: Whether the source computes with quantised numbers itself.
        problem: Why there is no reference; "" where there is one.
        remarks: Sentences for the report.
    """

    shapes: Mapping[str, tuple[int, ...]]
    cases: tuple[Case, ...] = ()
    reference: Mapping[str, Tensors] = field(default_factory=dict[str, Tensors])
    floor: verify.Floor | None = None
    rounded: Mapping[str, Tensors] = field(default_factory=dict[str, Tensors])
    guards: Mapping[str, verify.Guards] = field(default_factory=dict[str, verify.Guards])
    quantised: bool = False
    problem: str = ""
    remarks: tuple[str, ...] = ()


def store(
    place: Path,
    shapes: Mapping[str, tuple[int, ...]],
    cases: Sequence[Case],
    ran: Mapping[str, Ran],
) -> None:
    """Write the study to ``place``: everything is there, or nothing."""
    kept = [case for case in cases if case.id in ran["plain"].outputs]
    reference, measured = reference_of(ran, kept)
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    for case in kept:
        _save(part / "cases", case.id, case.feeds)
    groups = {"reference": reference}
    if ROUNDED in ran:
        groups[ROUNDED] = ran[ROUNDED].outputs
    for group, outputs in groups.items():
        folder = part / group
        folder.mkdir(parents=True)
        for case_id in outputs:
            shutil.copyfile(outputs.file(case_id), folder / f"{case_id}.npz")
    told = {
        "shapes": {name: list(shape) for name, shape in shapes.items()},
        "cases": [{"id": c.id, "kind": c.kind, "typical": c.typical} for c in kept],
        "floor": measured.to_json(),
        "guards": _guarded(reference, ran, kept, measured),
        "remarks": _remarks(cases, ran["plain"].failures),
    }
    (part / "study.json").write_text(json.dumps(jsonable(told)), "utf-8")
    try:
        part.replace(place)
    except OSError:  # another process was first
        shutil.rmtree(part)


def twins(cases: Sequence[Case]) -> list[Case]:
    """Return each case again with its inputs nudged, once a way."""
    return [
        replace(inputs.ulp(case, how), id=f"{case.id}.{name}")
        for case in cases
        for name, how in NUDGES.items()
    ]


def reference_of(ran: Mapping[str, Ran], cases: Sequence[Case]) -> tuple[Outputs, verify.Floor]:
    """Return the plain outputs of ``cases``, and the noise that variants and twins show."""
    plain = ran["plain"].outputs
    kept = [case for case in cases if case.id in plain]
    noisy: dict[str, Mapping[str, Tensors]] = {
        variant: one.outputs for variant, one in ran.items() if variant in FLOOR_VARIANTS
    }
    for name in NUDGES:
        names = {case.id: f"{case.id}.{name}" for case in kept}
        noisy[name] = Outputs({c: plain.file(t) for c, t in names.items() if t in plain})
    reference = Outputs({case.id: plain.file(case.id) for case in kept})
    return reference, verify.floor(reference, noisy, kept)


def _remarks(cases: Sequence[Case], failures: Mapping[str, str]) -> list[str]:
    """Return what the source itself refuses; a further point is only a guess, and not told."""
    refused = [case for case in cases if case.id in failures and not case.id.startswith("point-")]
    if not refused:
        return []
    names = ", ".join(case.id for case in refused[:REMARKED])
    first = failures[refused[0].id][:SENTENCE]
    return [f"the source itself refuses {len(refused)} cases ({names}): {first}"]


def _guarded(
    reference: Outputs, ran: Mapping[str, Ran], cases: Sequence[Case], floor: verify.Floor
) -> dict[str, Any]:
    """Return the guards as JSON: they cost one comparison a fault, and serve every target."""
    faulty = [one for variant, one in ran.items() if variant.startswith("fault:")]
    # The runtime knows no fault to plant: there is no weight that multiplies.
    weightless = bool(faulty) and all(one.error.startswith(NO_VARIANT) for one in faulty)
    planted = [one.outputs for one in faulty if not one.error]
    rounded = ran[ROUNDED].outputs if ROUNDED in ran else None
    tests = {
        precision: dataclasses.asdict(
            verify.faults(
                reference,
                planted,
                cases,
                floor,
                precision=precision,
                rounded=rounded,
                weightless=weightless,
            )
        )
        for precision in ("float32", "float16")
    }
    return {"still": verify.sensitive(reference, cases, floor), "tests": tests}


def _save(folder: Path, case_id: str, arrays: Tensors) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tensors.save(folder / f"{case_id}.npz", arrays)


def load(place: Path) -> Study:
    """Return the study that ``store`` wrote."""
    told = json.loads((place / "study.json").read_text("utf-8"))

    def group(name: str) -> Outputs:
        return Outputs({path.stem: path for path in sorted((place / name).glob("*.npz"))})

    cases = tuple(
        Case(c["id"], c["kind"], c["typical"], tensors.load(place / "cases" / f"{c['id']}.npz"))
        for c in told["cases"]
    )
    guards = {
        precision: verify.Guards(tuple(told["guards"]["still"]), verify.SelfTest(**test))
        for precision, test in told["guards"]["tests"].items()
    }
    return Study(
        shapes={name: tuple(shape) for name, shape in told["shapes"].items()},
        cases=cases,
        reference=group("reference"),
        floor=verify.Floor.from_json(told["floor"]),
        rounded=group(ROUNDED),
        guards=guards,
        remarks=tuple(told["remarks"]),
    )

"""Gathers what is found case by case: each output's worst, what is missing, what proves nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from modelport.model import Array, Case, Comparison, Tensors
from modelport.verify.measure import inexact
from modelport.verify.noise import Runs
from modelport.verify.rule import RULES, Yardstick, compare, energy, tolerated, unalike


@dataclass
class Findings:
    """What has been found so far; the one value here that grows."""

    worst: dict[str, Comparison] = field(default_factory=dict[str, Comparison])
    energies: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    classes: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    stress: list[Comparison] = field(default_factory=list[Comparison])
    ran: list[str] = field(default_factory=list[str])
    missing: list[str] = field(default_factory=list[str])
    stress_missing: list[str] = field(default_factory=list[str])
    extra: dict[str, None] = field(default_factory=dict[str, None])
    proved: set[str] = field(default_factory=set[str])
    finite: set[str] = field(default_factory=set[str])
    types: dict[str, str] = field(default_factory=dict[str, str])
    reordered: bool = False


def examine(found: Findings, case: Case, want: Tensors, candidate: Runs, *, by: Yardstick) -> None:
    """Add one case to what has been found."""
    if case.id not in candidate:
        (found.missing if case.typical else found.stress_missing).append(case.id)
        return
    got = candidate[case.id]
    noise = by.rounding(case.id)
    if case.typical:
        found.ran.append(case.id)
        found.extra.update(dict.fromkeys(name for name in got if name not in want))
        found.reordered |= [n for n in got if n in want] != [n for n in want if n in got]
    for name, array in want.items():
        other, half = got.get(name), noise.get(name, 0.0)
        result = compare(name, array, other, case=case.id, by=by, rounding=half)
        if not case.typical:
            found.stress.append(result)
            continue
        _note(found, name, array, other, result)
        lost = energy(result.snr, result.max_abs, by.floor.lent(name, case.id))
        found.energies.setdefault(name, []).append(lost)
        if result.top1 is not None:
            found.classes.setdefault(name, []).append(result.top1)
        if _proves(name, case.id, other, by=by, rounding=half):
            found.proved.add(name)


def _note(found: Findings, name: str, want: Array, got: Array | None, result: Comparison) -> None:
    before = found.worst.get(name)
    if before is None or rank(result) > rank(before):
        found.worst[name] = result
    if want.size and (not inexact(want) or bool(np.isfinite(want).any())):
        found.finite.add(name)
    if got is not None and got.dtype != want.dtype and want.dtype.kind != "U":
        found.types[name] = f"output {name!r} is {got.dtype.name}, in the source {want.dtype.name}"


def settle(found: Findings) -> None:
    """Hold each output of a quantised result against what it may deviate by on average."""
    for name, worst in list(found.worst.items()):
        reason = unalike(found.energies[name], found.classes.get(name, ())) if worst.passed else ""
        if reason:
            found.worst[name] = replace(worst, passed=False, reason=reason)


def rank(comparison: Comparison) -> tuple[bool, float]:
    """Return what sorts comparisons, worst last."""
    return (not comparison.passed, comparison.excess)


def _proves(name: str, case: str, got: Array | None, *, by: Yardstick, rounding: float) -> bool:
    """Whether passing this case says anything: what is tolerated is small beside the output."""
    if got is None or by.precision not in RULES:
        return True
    rule = RULES[by.precision]
    noise = tolerated(name, case, by=by, got=got, rounding=rounding)
    return rule.limit * noise <= rule.loud * by.floor.lent(name, case)

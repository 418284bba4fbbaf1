"""Gives the verdict on one result; closed by default: what was not shown is not verified."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from modelport.model import Case, Comparison, Verdict, Verification
from modelport.verify.finding import Findings, examine, settle
from modelport.verify.guard import Guards
from modelport.verify.noise import Floor, Runs
from modelport.verify.rule import RULES, yardstick
from modelport.verify.wording import cautions, details, named, stress


def judge(
    reference: Runs,
    candidate: Runs,
    cases: Sequence[Case],
    floor: Floor,
    *,
    precision: str,
    guards: Guards | None,
    rounded: Runs | None = None,
) -> Verification:
    """Return the verdict on a result, with one comparison for each output: its worst case.

    Args:
        reference: The source's outputs by case id; a case it refused is missing.
        candidate: The result's, under the source's names and layout (see ``to_source``).
        cases: Those that were given to both; leave out what ``misfit`` names.
        floor: The source's noise, from ``floor``.
        precision: How the result stores weights: ``float32``, ``float16``; anything else
            is quantised and ``alike`` at best. So is the result of a quantised source.
        guards: What ``sensitive`` and ``faults`` found; None where they did not run.
        rounded: The source's outputs with its weights rounded to float16; where there
            are any, float16 is judged on their cases only.
    """
    kind = precision if precision in RULES else "int8"
    by = yardstick(floor, kind, reference, cases, rounded)
    found = Findings()
    for case in cases:
        unmeasured = kind == "float16" and rounded and case.id not in rounded
        if case.id in reference and not (case.typical and unmeasured):
            examine(found, case, reference[case.id], candidate, by=by)
    if kind not in RULES:
        settle(found)
    verdict, reason = _verdict(found, kind, guards, rounded)
    return Verification(
        verdict=verdict,
        reason=reason,
        comparisons=tuple(found.worst.values()),
        stress=stress(found.stress),
        cautions=tuple(cautions(found, kind, guards, floor)),
        details=details(found, guards, reference, candidate, by=by),
    )


def _verdict(
    found: Findings, kind: str, guards: Guards | None, rounded: Runs | None
) -> tuple[Verdict, str]:
    failed = [comparison for comparison in found.worst.values() if not comparison.passed]
    if found.extra:
        return Verdict.DIFFERENT, f"outputs that the source lacks: {named(found.extra)}"
    if failed and not _excused(failed, kind, rounded):
        return Verdict.DIFFERENT, _worst(failed)
    reason = _unproved(found, kind, guards, failed)
    if reason:
        return Verdict.UNVERIFIED, reason
    count = f"{len(found.worst)} outputs in {len(found.ran)} typical cases"
    if kind == "int8":
        return Verdict.ALIKE, f"quantised; behaves alike: {count}"
    most = max(comparison.excess for comparison in found.worst.values())
    limit = RULES[kind].limit
    return Verdict.VERIFIED, f"{count} within {most:.2g} times the noise, {limit:g} allowed"


def _excused(failed: Sequence[Comparison], kind: str, rounded: Runs | None) -> bool:
    """Whether a float16 result failed only because its own measure is missing."""
    return kind == "float16" and not rounded and not any(c.reason for c in failed)


def _unproved(
    found: Findings, kind: str, guards: Guards | None, failed: Sequence[Comparison]
) -> str:
    """Return why a result that was not seen to differ is not verified; empty if it is."""
    names = list(found.worst)
    loud = [name for name in names if name not in found.proved]
    empty = [name for name in names if name not in found.finite]
    self_test = guards.self_test if guards else None
    tests: Iterable[tuple[bool, str]] = (
        (bool(found.missing), f"the result did not run on: {named(found.missing)}"),
        (not found.ran, "no typical case ran in both the source and the result"),
        (not names, "the source has no outputs"),
        (bool(failed), "the source cannot be run with rounded weights, which float16 needs"),
        (bool(empty), f"nothing to compare, no finite value in: {named(empty)}"),
        (guards is None, "inconclusive: the guards did not run"),
        (
            guards is not None and bool(names) and set(names) <= set(guards.still),
            f"insensitive: outputs do not move with the inputs: {named(names)}",
        ),
        (bool(loud), f"inconclusive: the source's own noise is too large in: {named(loud)}"),
    )
    for holds, reason in tests:
        if holds:
            return reason
    if kind not in RULES:
        return ""
    if self_test is None:
        return "inconclusive: no fault was planted to test the comparison"
    return f"inconclusive: {why}" if (why := self_test.reason(kind)) else ""


def _worst(failed: Sequence[Comparison]) -> str:
    worst = max(failed, key=lambda c: (bool(c.reason), c.excess))
    others = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
    if worst.reason:
        return f"output {worst.output!r} in case {worst.case}: {worst.reason}{others}"
    many = f"{worst.excess:.3g} times" if math.isfinite(worst.excess) else "infinitely far above"
    return (
        f"output {worst.output!r} in case {worst.case} is off by {worst.max_abs:.3g}, "
        f"{many} the noise, {worst.limit:g} allowed{others}"
    )

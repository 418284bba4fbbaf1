"""The guards without which a pass means nothing: does anything move, are faults seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelport.model import Array, Case
from modelport.verify.measure import distance, equal
from modelport.verify.noise import UNBOUNDED, Floor, Runs
from modelport.verify.rule import RULES, Yardstick, compare, yardstick

# Outputs of 17 trained models moved by 0.09 of their scale and more between kinds of
# inputs; those of 6 networks with constant or untrained weights by 3e-6 at most.
MOVEMENT = 1e-3


@dataclass(frozen=True)
class SelfTest:
    """What became of the faults planted in the source.

    Attributes:
        planted: How many were run.
        reached: How many moved an output at all, by one bit or more.
        rejected: How many the rule called different.
        weightless: Whether the source has no weight to plant a fault in.
    """

    planted: int = 0
    reached: int = 0
    rejected: int = 0
    weightless: bool = False

    def reason(self, precision: str) -> str:
        """Return why a pass under this precision's rule proves nothing; empty if it does."""
        if self.weightless:
            return ""
        if not self.planted:
            return "no fault could be planted in the source to test the comparison"
        if not self.reached:
            return f"none of {self.planted} planted faults of 1 % moved an output"
        least = max(1.0, RULES[precision].rejected * self.reached)
        if self.rejected < least:
            return f"{self.rejected} of {self.reached} planted faults of 1 % were seen"
        return ""


@dataclass(frozen=True)
class Guards:
    """What the guards found for one source.

    Attributes:
        still: Outputs that do not move with the inputs, from ``sensitive``.
        self_test: From ``faults``; None where it was not made.
        unexercised: Weights in branches that no case ran.
    """

    still: tuple[str, ...] = ()
    self_test: SelfTest | None = None
    unexercised: tuple[str, ...] = ()


def sensitive(reference: Runs, cases: Iterable[Case], floor: Floor) -> tuple[str, ...]:
    """Return the outputs that do not move with the inputs: by less than 1e-3 of S.

    Cases are compared where the output has the same shape in both, typical ones only.
    """
    first: dict[tuple[str, tuple[int, ...]], Array] = {}
    moving: set[str] = set()
    names: dict[str, None] = {}
    for case in cases:
        if not case.typical or case.kind in UNBOUNDED or case.id not in reference:
            continue
        for name, array in reference[case.id].items():
            names[name] = None
            start = first.setdefault((name, array.shape), array)
            if name in moving or start is array:
                continue
            if distance(start, array).max_abs >= MOVEMENT * max(floor.scale.get(name, 0.0), 1e-300):
                moving.add(name)
    return tuple(name for name in names if name not in moving)


def faults(
    reference: Runs,
    faulty: Iterable[Runs],
    cases: Sequence[Case],
    floor: Floor,
    *,
    precision: str = "float32",
    rounded: Runs | None = None,
    weightless: bool = False,
) -> SelfTest:
    """Hold runs of the source with a planted fault against the rule.

    Args:
        reference: The source's outputs by case id.
        faulty: One such mapping for each planted fault; cases may be missing.
        cases: All cases; typical ones are used.
        floor: The source's.
        precision: Whose rule: ``float32`` or ``float16``.
        rounded: The source's outputs with weights rounded to float16, for that rule.
        weightless: Set where the source has no weights at all.
    """
    planted = reached = rejected = 0
    ids = [case.id for case in cases if case.typical and case.id in reference]
    measure = yardstick(floor, precision, reference, cases, rounded)
    for runs in faulty:
        planted += 1
        seen, moved = _seen(reference, runs, ids, measure)
        reached += moved
        rejected += seen
    return SelfTest(planted, reached, rejected, weightless)


def _seen(reference: Runs, runs: Runs, ids: Sequence[str], by: Yardstick) -> tuple[bool, bool]:
    """Return (rejected, moved an output) for one planted fault."""
    moved = False
    for case in ids:
        if case not in runs:
            continue
        want, got = reference[case], runs[case]
        noise = by.rounding(case)
        for name, array in want.items():
            if name in got and equal(array, got[name]):
                continue
            moved = True
            half = noise.get(name, 0.0)
            found = compare(name, array, got.get(name), case=case, by=by, rounding=half)
            if not found.passed:
                return True, True
    return False, moved

"""Says in words and in figures what was found beside the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from modelport.model import Comparison, Json
from modelport.verify.finding import Findings, rank
from modelport.verify.guard import Guards, SelfTest
from modelport.verify.measure import picture
from modelport.verify.noise import Floor, Runs
from modelport.verify.rule import RULES, Yardstick

STRESS = 40  # comparisons listed; a model with many outputs keeps the worst
PICTURES = 16  # outputs drawn in the report
NAMED = 4  # outputs named in a sentence


def cautions(found: Findings, kind: str, guards: Guards | None, floor: Floor) -> Iterable[str]:
    """Yield what the user should know although it does not change the verdict."""
    yield from found.types.values()
    if found.reordered:
        yield "the result returns its outputs in another order"
    if not floor.variants:
        yield "the source's own noise could not be measured; rounding alone was allowed for"
    if found.stress_missing:
        yield f"the result did not run on stress inputs: {named(found.stress_missing)}"
    if guards is None:
        return
    still = [name for name in guards.still if name in found.worst]
    if still and len(still) < len(found.worst):
        yield f"outputs that do not move with the inputs: {named(still)}"
    if guards.unexercised:
        yield f"weights that no case exercised: {named(guards.unexercised)}"
    if guards.self_test and kind in RULES:
        yield from _about(guards.self_test)


def _about(test: SelfTest) -> Iterable[str]:
    if test.weightless:
        yield "the source has no weights, so no fault was planted"
    elif test.planted > test.reached:
        yield f"{test.planted - test.reached} of {test.planted} planted faults moved no output"
    if test.reached > test.rejected:
        yield f"{test.reached - test.rejected} of {test.reached} planted faults stayed in the noise"


def stress(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the comparisons to list: all, or the worst 40."""
    if len(comparisons) <= STRESS:
        return tuple(comparisons)
    return tuple(sorted(comparisons, key=rank, reverse=True)[:STRESS])


def details(
    found: Findings, guards: Guards | None, reference: Runs, candidate: Runs, *, by: Yardstick
) -> Json:
    """Return what the report shows beside the comparisons."""
    floor = by.floor
    pictures: dict[str, Mapping[str, object]] = {}
    for name, worst in list(found.worst.items())[:PICTURES]:
        got = candidate[worst.case].get(name)
        if got is not None:
            pictures[name] = picture(reference[worst.case][name], got)
    test = guards.self_test if guards else None
    return {
        "rule": by.precision,
        "cases": list(found.ran),
        "noise": {
            name: max(
                (n for case, n in row.items() if case in found.ran and math.isfinite(n)),
                default=None,
            )
            for name, row in floor.noise.items()
        },
        "variants": list(floor.variants),
        "self_test": None
        if test is None
        else {"planted": test.planted, "reached": test.reached, "rejected": test.rejected},
        "insensitive": list(guards.still) if guards else [],
        "outputs": pictures,
    }


def named(names: Iterable[str]) -> str:
    """Return the first few names, quoted, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(repr(name) for name in listed[:NAMED]) + more

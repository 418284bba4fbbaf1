"""Runs every case to every target by group testing, and keeps what was found case by case.

One process, one conversion at a time, a line a step. A record lies at
``records/TARGET/CASE.json``; a broken run goes on where it was. Each record carries the
digest of the code that made it; ``stale=True`` runs those of another digest again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.operators.flow import Place, flow
from benchmarks.operators.group import (
    Found,
    Line,
    Seen,
    groups,
    proved,
    refused,
    settled,
    split,
)
from benchmarks.operators.outlook import outlook
from benchmarks.operators.version import code

SIZE = 64
"""Cases in a union; more would be cheaper still, and harder to split."""


class Records:
    """What is known so far, on disk."""

    def __init__(self, folder: Path, targets: Sequence[str], *, stale: bool) -> None:
        self.folder = folder
        self.targets = targets
        self.stale = stale

    def missing(self, line: Line, target: str) -> bool:
        """Return whether the case has to be run."""
        path = self.folder / target / f"{line['name']}.json"
        if not path.is_file():
            return True
        return self.stale and json.loads(path.read_text("utf-8"))["code"] != code(target)

    def write(self, line: Line, target: str, record: dict[str, Any]) -> None:
        """Write one record; a finding from before any target holds for all of them."""
        for one in self.targets if record["before"] else (target,):
            path = self.folder / one / f"{line['name']}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            told = {"case": line["name"], "target": one, "code": code(one), **record}
            part = path.with_suffix(".part")
            part.write_text(json.dumps(told, indent=1), "utf-8")
            part.replace(path)


def run(
    passes: Sequence[Sequence[Line]], targets: Sequence[str], records: Records, place: Place
) -> None:
    """Run what is missing: one case an operator and every graph, then the others, then the rest.

    The rest are the cases that have to run alone. They cost as much as a union each, so that
    they come last, in the same order.
    """
    screens = {target: outlook(target, place.cases.parent) for target in records.targets}
    words = {(n, t): told["word"] for t, seen in screens.items() for n, told in seen.items()}
    fragile = {name for (name, _), word in words.items() if word != "agrees"}
    alone: list[tuple[Line, str]] = []
    for number, batch in enumerate(passes):
        left: list[tuple[Line, str]] = []
        for target in targets:
            seen = outlook(target, place.cases.parent)
            shared = groups(batch, SIZE, seen, fragile)
            head = f"== pass {number}, {target}: {len(batch)} cases, {len(shared)} groups"
            print(head, flush=True)
            for members in shared:
                missing = [line for line in members if records.missing(line, target)]
                single = settle(missing, target, records, place, seen)
                left += [(line, target) for line in single]
        # What came out wrong matters most: is it called verified?
        alone += sorted(left, key=lambda pair: words.get((pair[0]["name"], pair[1])) != "off")
    print(f"== {len(alone)} alone", flush=True)
    for line, target in alone:
        if records.missing(line, target):
            keep([line], [line], target, records, flow([line], target, place))


def settle(
    members: Sequence[Line], target: str, records: Records, place: Place, seen: Seen
) -> list[Line]:
    """Convert a union, and its parts where it says nothing of each case; return single cases."""
    waiting = [list(members)]
    left: list[Line] = []
    while waiting:
        part = waiting.pop()
        if len(part) < 2:
            left += part
            continue
        found = flow(part, target, place)
        known = part if settled(part, found) else [m for m in part if refused(m, found, seen)]
        keep(part, known, target, records, found)
        if known:
            waiting.append([line for line in part if line not in known])
        else:
            waiting += reversed(split(part, found))
    return left


def keep(
    part: Sequence[Line], known: Sequence[Line], target: str, records: Records, found: Found
) -> None:
    """Write what was found of the cases ``known`` of a group, and print one line."""
    say(part, target, found, done=len(known) == len(part))
    for index, line in enumerate(part):
        if line in known:
            records.write(line, target, record(part, index, found))


def record(members: Sequence[Line], index: int, found: Found) -> dict[str, Any]:
    """Return what is kept of one case of a settled group."""
    line, alone = members[index], len(members) == 1
    outcome, reason = proved(line, index, found, alone=alone)
    facts = dict(found.facts)
    expected = facts.pop("expected", {}).get(line["name"])
    return {
        "outcome": outcome,
        "reason": reason,
        "operators": list(found.operators),
        "before": found.before,
        "union": len(members),
        "expected": expected if outcome in {"verified", "alike"} else None,
        **facts,
    }


def say(members: Sequence[Line], target: str, found: Found, *, done: bool) -> None:
    """Print one line for one conversion."""
    what = members[0]["name"] if len(members) == 1 else f"{len(members)} cases"
    seconds = found.facts.get("seconds", 0.0)
    words = f"{target:12}{what:48}{found.outcome:22}{seconds:6.1f}"
    print(words if done else f"{words}  {found.reason[:150]}", flush=True)

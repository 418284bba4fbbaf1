"""Which cases share a union, and into which parts a union that failed is split; pure.

Group testing: one union that is verified proves all of its cases, so the cases that are
likely to fail are kept together, away from the others.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

QUANTISING = (
    "QuantizeLinear", "DynamicQuantize", "MatMulInteger", "ConvInteger", "QLinear",
)  # fmt: skip
"""Operators that make the flow judge a whole model as quantised; from the ONNX inspector."""

LEVELS = (9, 13, 18, 23, 28)
"""Operator sets of unions. Few, so that unions are large; near, since readers have ranges."""

PREFIX = re.compile(r"(?<![A-Za-z0-9])c(\d+)_")

Line = Mapping[str, Any]
"""One case: a line of index.json, with what truth.json says of it under ``truth``."""

Seen = Mapping[str, Mapping[str, Any]]
"""By case, what the screening for one target saw (``screen.py``)."""


@dataclass(frozen=True)
class Found:
    """What the flow said of one group.

    Attributes:
        outcome: A verdict, or the code of an error.
        reason: The sentence beside it.
        operators: Those that a refusal names.
        failed: Outputs that did not pass, by name in the union.
        still: Outputs that do not move with the inputs, which proves nothing of them.
        before: Whether it failed before any target was involved.
        excess: By output, how many times the noise it was off.
        facts: More for the record: routes tried, typical cases, seconds, the expected outputs.
    """

    outcome: str
    reason: str
    operators: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    before: bool = False
    excess: Mapping[str, float] = field(default_factory=dict[str, float])
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


def shareable(line: Line) -> bool:
    """Return whether a case can stand in a union: plain tensors, known inputs, small."""
    return bool(line["plain"]) and line["kind"] != "real"


def ordered(lines: Iterable[Line]) -> list[list[Line]]:
    """Return two passes: the plainest case of each operator with all graphs, then the rest."""
    first: dict[str, Line] = {}
    rest: list[Line] = []
    graphs: list[Line] = []
    for line in sorted(lines, key=_plainness):
        if line["kind"] != "node":
            graphs.append(line)
        elif line["operator"] not in first:
            first[line["operator"]] = line
        else:
            rest.append(line)
    return [[*first.values(), *graphs], rest]


def _plainness(line: Line) -> tuple[bool, bool, int, str]:
    """Cases on float32 that ONNX Runtime runs come first, then short names, the plain uses."""
    truth = line["truth"]
    return not truth.get("runs"), "FLOAT" not in line["types"], len(line["name"]), line["name"]


def groups(
    lines: Iterable[Line], size: int, seen: Seen, fragile: Container[str] = ()
) -> list[list[Line]]:
    """Return the lines in groups of at most ``size`` that may share a union.

    What the screening found to work comes first, in large unions; then what it saw
    refused, by the reason; then, alone, what came out wrong, did not run, or was refused
    without an operator's name, of which a union's refusal would say nothing. Cases that
    are ``fragile``, which fail with some target, keep apart from those that fail with none:
    the unions of the latter are the same for every target, and so are studied once.
    """
    by_kind: dict[tuple[Any, ...], list[Line]] = {}
    alone: list[list[Line]] = []
    for line in lines:
        word = seen.get(line["name"], {}).get("word", "")
        nameless = word == "refused" and not refusal(seen[line["name"]])[1]
        if not shareable(line) or nameless or word not in {"agrees", "refused", ""}:
            alone.append([line])
            continue
        truth = line["truth"]
        quantised = any(name.startswith(QUANTISING) for name in line["operators"])
        key = (
            word,  # none for what was not screened, which may do anything
            *seen.get(line["name"], {}).get("route", ())[-1:],
            line["name"] in fragile,
            refusal(seen.get(line["name"], {})),
            truth["runs"],
            quantised,
            truth.get("free"),
            level(line),
        )
        by_kind.setdefault(key, []).append(line)
    shared: list[list[Line]] = []
    for members in by_kind.values():
        members.sort(key=lambda line: line["operator"])
        shared += [members[at : at + size] for at in range(0, len(members), size)]
    # Stable, so that among unions of one size those that work stay in front.
    ranked = sorted(shared, key=lambda members: (_refused(members[0], seen), -len(members)))
    return [*ranked, *alone]


def _refused(line: Line, seen: Seen) -> bool:
    return seen.get(line["name"], {}).get("word") == "refused"


def refusal(told: Mapping[str, Any]) -> tuple[str, bool]:
    """Return code and whether operators were named, of the first refusal that was seen."""
    if told.get("word") != "refused" or not told.get("refusals"):
        return "", False
    first = told["refusals"][0]
    return first["code"], bool(first.get("operators"))


def refused(line: Line, found: Found, seen: Seen) -> bool:
    """Return whether a union's refusal is true of this case: it says so, and so did the screening.

    The refusal has to name an operator that the case has, and the case has to have been
    refused when it was screened by itself, by every route that was tried.
    """
    named = set(found.operators) & set(line["operators"])
    return bool(named) and seen.get(line["name"], {}).get("word") == "refused"


def level(line: Line) -> tuple[tuple[str, int], ...]:
    """Return the operator sets of the union that a case may stand in.

    The number is raised to the next of LEVELS where every operator keeps its version.
    """
    opsets = {domain or "ai.onnx": version for domain, version in line["opsets"]}
    here = opsets.get("ai.onnx", 0)
    raised = next((number for number in LEVELS if here <= number <= line["lifts"]), here)
    return tuple(sorted({**opsets, "ai.onnx": raised}.items()))


def owner(name: str) -> int | None:
    """Return the place in its union of the case that owns a tensor name."""
    match = PREFIX.match(name)
    return int(match[1]) if match else None


def split(members: Sequence[Line], found: Found) -> list[list[Line]]:
    """Return the parts to try next; those that the finding points at come alone."""
    blamed = {index for name in found.failed if (index := owner(name)) is not None}
    if not blamed:
        blamed = {int(number) for number in PREFIX.findall(found.reason)}
    if blamed and len(blamed) < len(members):
        rest = [line for index, line in enumerate(members) if index not in blamed]
        return [rest, *([members[index]] for index in sorted(blamed) if index < len(members))]
    named = set(found.operators)
    having = [line for line in members if named & set(line["operators"])]
    if having:
        rest = [line for line in members if not named & set(line["operators"])]
        # Where all carry what was refused, halves would cost twice as much as single cases.
        return [rest, *([line] for line in having)] if rest else [[line] for line in members]
    middle = len(members) // 2
    return [list(members[:middle]), list(members[middle:])]


def settled(members: Sequence[Line], found: Found) -> bool:
    """Return whether what was found of the union is true of each of its cases."""
    if len(members) == 1 or found.outcome in {"verified", "alike"}:
        return True
    dead = all(not line["truth"]["runs"] for line in members)
    return dead and found.outcome == "unverified" and "source does not run" in found.reason


def proved(line: Line, place: int, found: Found, *, alone: bool) -> tuple[str, str]:
    """Return outcome and reason of the case at ``place`` of a settled union."""
    if alone or found.outcome not in {"verified", "alike"}:
        return found.outcome, found.reason
    outputs = [f"c{place}_{name}" for name in line["outputs"]]
    if set(outputs) <= set(found.still):
        return "unverified", "insensitive: outputs do not move with the inputs of the union"
    return found.outcome, found.reason

"""Writes docs/operators.md from what is known: looks, screenings and records of the flow."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.operators.group import Line
from benchmarks.operators.outlook import outlook
from benchmarks.table import TITLES, machine, plain
from modelport.engine import House

HOUSE = {"plugin-bug", "worker-died", "environment-broken", "silent-success", "timed-out",
         "out-of-memory", "disk-full", "error"}  # fmt: skip
KINDS = ("works", "refused", "wrong", "unproved", "house")
WORDS = {"house": "our fault (crash, time-out, bug)"}
SCREENED = {"agrees": "works", "converted": "converted", "refused": "refused"}
INTRODUCTION = Path(__file__).with_name("introduction.md")

Cell = Mapping[str, Any]


def write(lines: Sequence[Line], home: Path, house: House, path: Path) -> None:
    """Write the page."""
    by_name = {line["name"]: line for line in lines}
    cells = [cell for cell in _records(home / "records") if cell["case"] in by_name]
    screens = {target: outlook(target, home) for target in TITLES_HERE}
    ran = {cell["target"] for cell in cells}
    targets = [target for target in TITLES_HERE if target in ran or screens[target]]
    parts = [
        INTRODUCTION.read_text("utf-8").format(
            cases=sum(line["kind"] == "node" for line in lines),
            graphs=sum(line["kind"] != "node" for line in lines),
            operators=len({line["operator"] for line in lines if line["kind"] == "node"}),
        ),
        "\n".join(machine(house)),
        _looks(home / "looks", len(lines)),
        _totals(lines, cells, screens, targets),
        _expected(cells, by_name),
        _table(lines, cells, screens, targets),
        _faults(cells, targets),
        _unlike(cells, screens, targets),
    ]
    path.write_text("\n\n".join(part for part in parts if part) + "\n", "utf-8")


TITLES_HERE = {**TITLES, "onnx.simplify": "ONNX (simplified)"}


def kind(cell: Cell) -> str:
    """Return which of KINDS a record counts as."""
    outcome = cell["outcome"]
    if outcome in {"verified", "alike"}:
        return "works"
    if outcome == "different":
        return "wrong"
    if outcome in {"unverified", "structural"}:
        return "unproved"
    return "house" if outcome in HOUSE else "refused"


def _records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*/*.json"))]


def _rows(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def _looks(folder: Path, total: int) -> str:
    """Return the section on detection and inspection."""
    told = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    counts = Counter(one["outcome"] for one in told)
    lost = [one for one in told if one["outcome"] == "inspected" and one["reason"]]
    listed = ", ".join(f"{name} {number}" for name, number in counts.most_common())
    lines = [
        "## Detect and inspect",
        "",
        f"{len(told)} of {total} models: {listed}. Descriptions that lack an input, an output or",
        f"an operator of the model: {len(lost)}.",
    ]
    refused = [one for one in told if one["outcome"] != "inspected"]
    if refused:
        rows = [(one["case"], f"`{one['outcome']}`", plain(one["reason"])[:200]) for one in refused]
        lines += ["", _rows(("model", "outcome", "why"), rows)]
    return "\n".join(lines)


def _totals(
    lines: Sequence[Line],
    cells: Sequence[Cell],
    screens: Mapping[str, Mapping[str, Any]],
    targets: Sequence[str],
) -> str:
    """Return the counts by target: in the flow, then those that were screened only."""
    rows = []
    of = {target: [cell for cell in cells if cell["target"] == target] for target in targets}
    for name in KINDS:
        counts = [sum(kind(cell) == name for cell in of[target]) for target in targets]
        rows.append((f"**{WORDS.get(name, name)}**", *counts))
    for title, test in (
        ("of these, alone", lambda cell: cell["union"] == 1),
        ("of these, in a union", lambda cell: cell["union"] > 1),
    ):
        rows.append((title, *(sum(map(test, of[target])) for target in targets)))
    left = {
        target: [
            line["name"] for line in lines if line["name"] not in {c["case"] for c in of[target]}
        ]
        for target in targets
    }
    words = {
        target: Counter(_screened(screens[target].get(name)) for name in left[target])
        for target in targets
    }
    rows += [
        (f"screened only: {word}", *(words[target][word] for target in targets))
        for word in ("works", "refused", "converted", "other", "not tried")
    ]
    head = ("", *(TITLES_HERE[target] for target in targets))
    return "## By target\n\n" + _rows(head, rows)


def _screened(told: Cell | None) -> str:
    return SCREENED.get(told["word"], "other") if told else "not tried"


def _expected(cells: Sequence[Cell], by_name: Mapping[str, Line]) -> str:
    """Return the section that holds verified results against the outputs onnx ships."""
    held = [cell for cell in cells if cell.get("expected") not in {None, "not run"}]
    off = [cell for cell in held if cell["expected"] != "agrees"]
    source = [c for c in off if by_name[c["case"]]["truth"].get("agrees") is False]
    rows = [
        (
            cell["case"],
            TITLES_HERE[cell["target"]],
            plain(cell["expected"]),
            "yes" if cell in source else "**no**",
        )
        for cell in off
    ]
    text = (
        "## Verified, held against the outputs that onnx ships\n\n"
        f"{len(held)} verified results: {len(held) - len(off)} agree, {len(off)} do not. In "
        f"{len(source)} of those ONNX Runtime's own output of the source is off as well, so that "
        "the conversion kept what the source computes."
    )
    head = ("case", "target", "how far", "the source is off too")
    return f"{text}\n\n{_rows(head, rows)}" if rows else text


def _table(
    lines: Sequence[Line],
    cells: Sequence[Cell],
    screens: Mapping[str, Mapping[str, Any]],
    targets: Sequence[str],
) -> str:
    """Return the table by operator: how many cases of each kind."""
    known: dict[tuple[str, str], list[str]] = {}
    names = {line["name"]: line["operator"] for line in lines}
    for cell in cells:
        known.setdefault((names[cell["case"]], cell["target"]), []).append(kind(cell))
    done = {(cell["case"], cell["target"]) for cell in cells}
    for target in targets:
        for name, told in screens[target].items():
            if (name, target) not in done and name in names:
                word = _screened(told)
                known.setdefault((names[name], target), []).append(f"({word})")
    rows = [
        (operator, *(_counts(known.get((operator, target), ())) for target in targets))
        for operator in sorted(set(names.values()))
    ]
    head = ("operator", *(TITLES_HERE[target] for target in targets))
    return (
        "## By operator\n\nNumbers of cases; in brackets those that were screened only.\n\n"
        + _rows(head, rows)
    )


def _counts(words: Iterable[str]) -> str:
    counts = Counter(WORDS.get(word, word).partition(" (")[0] for word in words)
    return ", ".join(f"{word} {number}" for word, number in sorted(counts.items())) or "-"


def _faults(cells: Sequence[Cell], targets: Sequence[str]) -> str:
    rows = [
        (
            cell["case"],
            TITLES_HERE[cell["target"]],
            f"`{cell['outcome']}`",
            plain(cell["reason"])[:200],
        )
        for cell in cells
        if kind(cell) in {"wrong", "house"} and cell["target"] in targets
    ]
    head = ("case", "target", "outcome", "why")
    return "## Wrong or our fault\n\n" + (_rows(head, rows) if rows else "None.")


def _unlike(
    cells: Sequence[Cell], screens: Mapping[str, Mapping[str, Any]], targets: Sequence[str]
) -> str:
    """Return the section on what the screening saw come out wrong and the flow has not judged."""
    done = {(cell["case"], cell["target"]) for cell in cells}
    rows = [
        (name, TITLES_HERE[target], told["word"], plain(told.get("said", ""))[:120])
        for target in targets
        for name, told in screens[target].items()
        if told["word"] not in SCREENED and (name, target) not in done
    ]
    head = ("case", "target", "seen", "what")
    text = "## Screened, not what onnx ships, and not yet judged by the flow"
    return f"{text}\n\n{_rows(head, rows)}" if rows else ""

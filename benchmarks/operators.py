"""Takes the test models that onnx carries through the flow and writes docs/operators.md.

``python -m benchmarks.operators [--cases N] [--targets a,b]``: N cases an operator (default
1), and every exported graph. Results are kept under MODELPORT_HOME/operators, so that a
broken run goes on.
"""

from __future__ import annotations

import argparse
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.scoreboard import ROOT, Row, run
from benchmarks.table import TITLES, machine, plain
from modelport.engine import House

TARGETS = ("onnx", "openvino", "mnn", "ncnn", "torchscript")
BUDGET = 20.0
"""Seconds after which no further candidate is tried: these models have one node."""

WORKS = {"verified", "alike"}


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    house = House.open()
    home = house.home / "operators"
    cases = home / f"cases-{asked.cases}"
    if not cases.is_dir():
        script = Path(__file__).with_name("operator_cases.py")
        subprocess.run([house.envs.python("base"), script, cases, str(asked.cases)], check=True)
    rows = []
    for path in sorted(cases.glob("*.onnx")):
        if asked.only in path.stem:
            inputs = path.with_suffix(".npz")
            rows.append(Row(path.stem, path, inputs=inputs if inputs.is_file() else None))
    cells = run(rows, asked.targets.split(","), home / "results", budget=BUDGET)
    for cell in cells:
        cell["operator"] = (cases / f"{cell['model']}.op").read_text("utf-8")
    write(cells, house, ROOT / "docs" / "operators.md")


def write(cells: Sequence[dict[str, Any]], house: House, path: Path) -> None:
    """Write the page: each operator by target, counts of works, refused, wrong, unverified."""
    operators = sorted({cell["operator"] for cell in cells})
    targets = [target for target in TITLES if any(c["target"] == target for c in cells)]
    lines = [
        "# Operators",
        "",
        "Written by `python -m benchmarks.operators`: the node cases and exported graphs that the",
        "package onnx carries, through the whole flow. *Works*: verified or alike. *Refused*: a",
        "typed error. *Wrong*: converted, ran, and called `different`. *Unproved*: `unverified`,",
        "with the reason in the report. Node cases pass weights as inputs, which real models do",
        "not, so a refusal here is often no refusal there.",
        "",
        f"This table holds {len({cell['model'] for cell in cells})} models: those run so far.",
        "",
        *machine(house),
        "",
        "| | " + " | ".join(TITLES[target] for target in targets) + " |",
        "|---" * (len(targets) + 1) + "|",
    ]
    for name in ("works", "refused", "wrong", "unproved", "house"):
        counts = [sum(_kind(c) == name for c in cells if c["target"] == t) for t in targets]
        title = {"house": "our fault (crash, time-out, bug)"}.get(name, name)
        lines.append(f"| **{title}** | " + " | ".join(map(str, counts)) + " |")
    for operator in operators:
        row = [
            _counts([c for c in cells if (c["operator"], c["target"]) == (operator, t)])
            for t in targets
        ]
        lines.append(f"| {operator} | " + " | ".join(row) + " |")
    lines += [
        "",
        "## Wrong or our fault",
        "",
        "| model | target | outcome | why |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {c['model']} | {TITLES[c['target']]} | `{c['outcome']}` | {plain(c['reason'])[:300]} |"
        for c in cells
        if _kind(c) in {"wrong", "house"}
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


HOUSE = {"plugin-bug", "worker-died", "environment-broken", "silent-success", "timed-out",
         "out-of-memory", "disk-full", "error"}  # fmt: skip


def _kind(cell: dict[str, Any]) -> str:
    if cell["outcome"] in WORKS:
        return "works"
    if cell["outcome"] == "different":
        return "wrong"
    if cell["outcome"] in {"unverified", "structural"}:
        return "unproved"
    return "house" if cell["outcome"] in HOUSE else "refused"


def _counts(cells: Sequence[dict[str, Any]]) -> str:
    counts = Counter(_kind(cell) for cell in cells)
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "-"


if __name__ == "__main__":
    main()

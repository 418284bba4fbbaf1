"""Takes the test models that onnx carries through the flow and writes docs/operators.md.

``python -m benchmarks.operators [--targets a,b] [--only TEXT] [--stale] [--page]``. Results
are kept under MODELPORT_HOME/operators, so that a broken run goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.operators import proofs
from benchmarks.operators.detect import look
from benchmarks.operators.flow import Place
from benchmarks.operators.group import ordered
from benchmarks.operators.outlook import screen
from benchmarks.operators.page import write
from benchmarks.operators.run import Records, run
from modelport.engine import House

TARGETS = ("openvino", "mnn", "ncnn", "torchscript", "ort", "onnx.simplify", "pt2")
BUDGET = 10.0
"""Seconds after which a single case tries no further route: these models are small."""

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.operators", description=__doc__)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--stale", action="store_true", help="run again what older code made")
    parser.add_argument("--look", action="store_true", help="detect and inspect only")
    parser.add_argument("--screen", action="store_true", help="screen only")
    parser.add_argument("--first", action="store_true", help="one case an operator, and graphs")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page")
    asked = parser.parse_args()
    house = House.open()
    home = house.home / "operators"
    lines = cases(home / "cases", house)
    passes = ordered(line for line in lines if asked.only in line["name"])
    passes = passes[:1] if asked.first else passes
    listed = [line for batch in passes for line in batch]
    targets = asked.targets.split(",")
    place = Place(house, home / "cases", home / "unions", BUDGET)
    if asked.look:
        look(listed, home, place)
    elif asked.screen:
        for target in targets:
            screen(listed, target, home, house, stale=asked.stale)
    elif not asked.page:
        run(passes, targets, Records(home / "records", TARGETS, stale=asked.stale), place)
    write(lines, home, house, PAGE)
    proofs.keep(home / "records", house)


def cases(folder: Path, house: House) -> list[dict[str, Any]]:
    """Return every case with what ONNX Runtime makes of it, writing both where missing."""
    for name, made in (("cases.py", "index.json"), ("truth.py", "truth.json")):
        if not (folder / made).is_file():
            script = Path(__file__).with_name(name)
            subprocess.run([house.envs.python("base"), script, folder], check=True)
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    lines = json.loads((folder / "index.json").read_text("utf-8"))
    return [{**line, "truth": truth.get(line["name"], {})} for line in lines]


if __name__ == "__main__":
    main()

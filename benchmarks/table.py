"""Writes docs/scoreboard.md from the cells that the scoreboard run left."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelport.engine import House

TITLES = {
    "onnx": "ONNX (simplified)",
    "ort": "ORT",
    "openvino": "OpenVINO",
    "mnn": "MNN",
    "ncnn": "NCNN",
    "torchscript": "TorchScript",
    "pt2": "ExportedProgram",
}
GOOD = {"verified", "alike"}


def write(cells: Sequence[dict[str, Any]], house: House, path: Path) -> None:
    """Write the page: summary, model by target, and a sentence for each miss."""
    models = list(dict.fromkeys(cell["model"] for cell in cells))
    targets = [target for target in TITLES if any(c["target"] == target for c in cells)]
    found = {(cell["model"], cell["target"]): cell for cell in cells}
    lines = [
        "# Scoreboard",
        "",
        "Written by `make scoreboard`: real models that others made, and PyTorch files made here",
        "with seeded weights, through the whole flow to every base target. A cell has the",
        "verdict, the largest difference relative to the output's scale, the seconds of the whole",
        "conversion with verification, and the size of the result; `*` marks a restricted result.",
        "",
        *machine(house),
        "",
        "## Summary",
        "",
        "| target | models | verified | alike | different | unverified | refused | share |",
        "|---" * 8 + "|",
        *[_summary(target, [c for c in cells if c["target"] == target]) for target in targets],
        "",
        "## Model by target",
        "",
        "| model | " + " | ".join(TITLES[target] for target in targets) + " |",
        "|---" * (len(targets) + 1) + "|",
    ]
    for model in models:
        row = [_cell(found.get((model, target))) for target in targets]
        lines.append(f"| {model} | " + " | ".join(row) + " |")
    lines += [
        "",
        "## What stands in the way",
        "",
        "| model | target | outcome | why |",
        "|---|---|---|---|",
    ]
    lines += [_miss(cell) for cell in cells if cell["outcome"] not in GOOD]
    lines += ["", "## Restricted results", "", "| model | target | restriction |", "|---|---|---|"]
    lines += [
        f"| {c['model']} | {TITLES[c['target']]} | {plain('; '.join(c['restrictions']))} |"
        for c in cells
        if c.get("restrictions")
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def machine(house: House) -> list[str]:
    """Return the sentence that says where and with what a table was made."""
    environment = house.registry.environments["base"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    where = f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"
    packages = ", ".join(environment.requires)
    return [f"Made on {where}, Python {platform.python_version()}, with: {packages}."]


def _summary(target: str, cells: Sequence[dict[str, Any]]) -> str:
    count = {name: sum(c["outcome"] == name for c in cells) for name in
             ("verified", "alike", "different", "unverified")}  # fmt: skip
    refused = len(cells) - sum(count.values())
    share = (count["verified"] + count["alike"]) / len(cells)
    numbers = " | ".join(str(number) for number in (*count.values(), refused))
    return f"| {TITLES[target]} | {len(cells)} | {numbers} | {share:.0%} |"


def _cell(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "-"
    if "size" not in cell:
        return f"`{cell['outcome']}`"
    star = "*" if cell.get("restrictions") else ""
    error = "" if cell.get("error") is None else f" {cell['error']:.1e}"
    return f"{cell['outcome']}{star}{error}, {cell['seconds']:.0f} s, {cell['size'] / 1e6:.1f} MB"


def _miss(cell: dict[str, Any]) -> str:
    names = ", ".join(f"{name} ({count})" for name, count in cell["operators"].items())
    why = cell["reason"] + (f" [{names}]" if names else "")
    others = {tried["said"] for tried in cell["tried"]} - {cell["reason"], ""}
    also = f" Also tried: {'; '.join(sorted(others))}" if others else ""
    where = f"| {cell['model']} | {TITLES[cell['target']]} | `{cell['outcome']}` |"
    return f"{where} {plain(why + also)[:600]} |"


def plain(text: str) -> str:
    """Return text from a model or a tool as one table cell."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    return kept.replace("|", "\\|").replace("<", "&lt;").replace("`", "'")

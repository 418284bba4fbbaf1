"""Writes docs/scoreboard.md from the cells that the scoreboard run left."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import strict
from modelport.engine import House
from modelport.sandbox import layers, summary

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


def write(
    everything: Sequence[dict[str, Any]],
    house: House,
    path: Path,
    *,
    weights: frozenset[str] = frozenset(),
    classes: Sequence[tuple[str, str]] = (),
    limited: Sequence[dict[str, Any]] = (),
) -> None:
    """Write the page: summary, model by target, and a sentence for each miss.

    Args:
        everything: The cells.
        house: What they were made with.
        path: The page.
        weights: Models that are weights alone, and are refused with right.
        classes: By file of weights, what could not be done with its published class.
        limited: The cells of ``benchmarks.strict``.
    """
    cells = [cell for cell in everything if cell["model"] not in weights]
    models = list(dict.fromkeys(cell["model"] for cell in cells))
    targets = [target for target in TITLES if any(c["target"] == target for c in cells)]
    found = {(cell["model"], cell["target"]): cell for cell in cells}
    lines = [
        "# Scoreboard",
        "",
        "Written by `make scoreboard`: real models that others made, PyTorch files of published",
        "weights in their published classes, and PyTorch files made here with seeded weights,",
        "through the whole flow to every base target. A cell has the verdict, the largest",
        "difference relative to the output's scale, the seconds of the whole conversion with",
        "verification, and the size of the result; `*` marks a restricted result, `-` a model",
        "that is of the target's format already.",
        "",
        _ends(cells),
        "",
        *machine(house),
        "",
        *(_sandbox(cells) or sandbox()),
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
    lines += _bare(cells)
    lines += ["", "## Restricted results", "", "| model | target | restriction |", "|---|---|---|"]
    lines += [
        f"| {c['model']} | {TITLES[c['target']]} | {plain('; '.join(c['restrictions']))} |"
        for c in cells
        if c.get("restrictions")
    ]
    lines += _weights([cell for cell in everything if cell["model"] in weights], classes)
    lines += strict.lines(limited)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _ends(cells: Sequence[dict[str, Any]]) -> str:
    """Return the sentence on conversions that did not end by themselves in an answer."""
    crashed, hung = (sum(c["outcome"] == name for c in cells) for name in ("crashed", "hung"))
    return f"{len(cells)} conversions; {crashed} crashed the process that asked, {hung} hung."


def _bare(cells: Sequence[dict[str, Any]]) -> list[str]:
    """Return the table of refusals beside the bare tools."""
    refused = [cell for cell in cells if "bare" in cell]
    if not refused:
        return []
    return [
        "",
        "## Does the bare tool fail too?",
        "",
        "Each refused model through the tools alone, with their shapes and options set. *Works*",
        "means: converted, ran, and within 1e-3 of the largest output; then the refusal is a miss",
        "of ours. *No* says how far it came.",
        "",
        "| model | target | tools | works | what came of it |",
        "|---|---|---|---|---|",
        *(
            f"| {cell['model']} | {TITLES[cell['target']]} | {tried['chain']} | "
            f"{'**yes**' if tried['worked'] else 'no'} | {plain(tried['said'])[:200]} |"
            for cell in refused
            for tried in cell["bare"]
        ),
    ]


def _weights(cells: Sequence[dict[str, Any]], classes: Sequence[tuple[str, str]]) -> list[str]:
    """Return the tables on weights alone, and on what their published classes would not do."""
    lines = []
    if cells:
        lines += [
            "",
            "## Weights without a graph",
            "",
            "A file of weights alone cannot be converted to a framework that needs a graph; the",
            "answer has to say so, and how to go on. The same weights in their published classes",
            "are rows of the table above.",
            "",
            "| file | outcome | why | what to do |",
            "|---|---|---|---|",
        ]
    for cell in cells:
        why, hint = plain(cell["reason"])[:200], plain(cell["hint"])[:300]
        lines.append(f"| {cell['model']} | `{cell['outcome']}` | {why} | {hint} |")
    if classes:
        lines += ["", "What a published class would not do:", ""]
        lines += [f"- {name}: {plain(said)}" for name, said in classes]
    return lines


def machine(house: House) -> list[str]:
    """Return the sentence that says where and with what a table was made."""
    environment = house.registry.environments["base"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    where = f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"
    packages = ", ".join(environment.requires)
    return [f"Made on {where}, Python {platform.python_version()}, with: {packages}."]


def sandbox() -> list[str]:
    """Return the sentence that names the layers of the sandbox that were in force."""
    return [f"Layers of the sandbox: {_layers(summary(layers().in_force))}."]


def _sandbox(cells: Sequence[dict[str, Any]]) -> list[str]:
    """Return the sentence on the layers that the results themselves were made in, by their reports.

    What was refused before any step ran, and what older code made, says nothing of them.
    """
    counts = Counter(_layers(cell["layers"]) for cell in cells if cell.get("layers"))
    told = [f"{words} ({count} results)" for words, count in counts.most_common()]
    return [f"Layers of the sandbox, by the reports: {'; '.join(told)}."] if told else []


def _layers(in_force: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in in_force.items())


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

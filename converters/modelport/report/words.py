"""Numbers and verdicts as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

VERDICTS: dict[str, tuple[str, str]] = {
    "verified": (
        "Verified",
        "The converted model ran, and computes what the source computes, within its own noise.",
    ),
    "alike": (
        "Behaves alike",
        "The result is quantised: its numbers moved, its decisions agree.",
    ),
    "different": (
        "Different",
        "The converted model ran, and its numbers moved further than rounding explains.",
    ),
    "structural": (
        "Structure checked only",
        "The result cannot be run here; its graph and weights were checked, its numbers were not.",
    ),
    "unverified": (
        "Not verified",
        "A file was written, but nothing is known about its numbers.",
    ),
    "": ("Not converted", "No candidate gave a model."),
}
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
STEP = 1024
TEN, MINUTE = 10, 60


def size(count: object) -> str:
    """Return a number of bytes: ``4.7 MiB``."""
    if not isinstance(count, int | float):
        return "—"
    value, unit = float(count), 0
    while value >= STEP and unit < len(UNITS) - 1:
        value, unit = value / STEP, unit + 1
    return f"{count} bytes" if unit == 0 else f"{value:.1f} {UNITS[unit]}"


def duration(seconds: object) -> str:
    """Return a time: ``0.42 s``, ``12.3 s``, ``3 min 05 s``."""
    if not isinstance(seconds, int | float):
        return "—"
    if seconds < TEN:
        return f"{seconds:.2f} s"
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // MINUTE} min {int(seconds) % MINUTE:02d} s"


def number(value: object) -> str:
    """Return a number with three digits; a dash for what is not finite or not known."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "—"
    return "0" if value == 0 else f"{value:.3g}"


def shape(sizes: object) -> str:
    """Return a shape: ``[1, 3, N, ?]``."""
    if not isinstance(sizes, list | tuple):
        return "any"
    return "[" + ", ".join("?" if one is None else str(one) for one in sizes) + "]"


def count(value: object) -> str:
    """Return a whole number in groups of three: ``1,234,567``."""
    return f"{value:,}" if isinstance(value, int) else "—"


def sentence(report: Json) -> str:
    """Return the conversion in one line: names, verdict, reason, size, time."""
    source, target = report.get("source") or {}, report.get("target") or {}
    title, _ = VERDICTS.get(report.get("verdict") or "", VERDICTS["unverified"])
    head = f"{source.get('name', 'model')} ({source.get('title', '?')}) to {named(target)}"
    result = report.get("result") or {}
    ending = f"; {size(result.get('size'))}" if result else ""
    took = duration(report.get("seconds"))
    return f"{head}: {title.lower()}, {report.get('reason', '')}{ending}, {took}"


def fault(diagnosis: Json) -> str:
    """Return where a result goes wrong, in one sentence; empty where nothing is known."""
    step, first, last = (diagnosis.get(name) for name in ("step", "first", "last"))
    after = f"; {layer(last)} is the last that agrees" if last else ""
    table = {
        "layer": lambda: f"{step} goes wrong at {layer(first)}{after}",
        "stretch": lambda: (
            f"{step} goes wrong within {diagnosis.get('nodes')} nodes up to {layer(first)}{after}"
        ),
        "swapped": lambda: (
            f"{step} puts the outputs {' and '.join(diagnosis.get('outputs') or ())} "
            "in each other's place; all before them agrees"
        ),
        "vanished": lambda: (
            f"{step} goes wrong, but not when inner tensors are visible: "
            "what it does to neighbouring layers is at fault"
        ),
        "step": lambda: f"{step} goes wrong; {diagnosis.get('remark')}",
    }
    return table.get(str(diagnosis.get("found")), lambda: "")()


def version(entry: Json) -> str:
    """Return what one version of a tool gave, in one line, and how far from the first one."""
    if entry.get("error"):
        return f"{entry['using']}: {entry['error']['title'].lower()}, {entry['error']['detail']}"
    off = _largest(entry.get("comparisons"))
    against = f", off by {off} from the source" if off else ""
    head = f"{entry['using']}: {entry['verdict']}{against}"
    apart = entry.get("apart")
    if not apart:
        return head
    if apart["reason"]:
        return f"{head}; not compared with {apart['from']}: {apart['reason']}"
    off = _largest(apart["comparisons"])
    same = "the same numbers as" if off == "0" else f"off by {off} from"
    return f"{head}; {same} {apart['from']}"


def _largest(rows: object) -> str:
    """Return the largest difference of any output, relative to its scale; "" if none is known."""
    found = [row.get("max_rel") for row in rows] if isinstance(rows, list | tuple) else []
    known = [value for value in found if isinstance(value, int | float)]
    return number(max(known)) if known else ""


def layer(found: Json | None) -> str:
    """Return a layer as people find it: ``node 12, Conv 'block/conv'``."""
    if not found:
        return "an unknown layer"
    title = found.get("title") or found.get("tensor")
    return f"node {found.get('node')}, {found.get('operator')} {title!r}"


def named(target: Json) -> str:
    """Return the target as people say it: ``ONNX (fp16)``."""
    title = str(target.get("title") or target.get("format") or "?")
    return f"{title} ({target['variant']})" if target.get("variant") else title

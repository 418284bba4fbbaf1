"""Histograms as pictures that need neither script nor network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

WIDTH, HEIGHT, GAP = 320, 64, 1
DECADES = 8
MOST = 256  # bars that a reader, and the page, can take


def histogram(found: object) -> dict[str, Any] | None:
    """Return the bars of ``{"edges": [n + 1], "counts": [n]}`` as SVG sizes; None if it is none."""
    if not isinstance(found, Mapping):
        return None
    edges, counts = found.get("edges"), found.get("counts")
    if not _numbers(edges) or not _numbers(counts) or not 0 < len(counts) <= MOST:
        return None
    if len(edges) != len(counts) + 1 or min(counts) < 0:
        return None
    top = max(counts) or 1
    width = WIDTH / len(counts)
    bars = [
        {
            "x": round(index * width, 2),
            "y": round(HEIGHT * (1 - value / top), 2),
            "width": round(max(width - GAP, 0.5), 2),
            "height": round(HEIGHT * value / top, 2),
        }
        for index, value in enumerate(counts)
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "bars": bars,
        "low": edges[0],
        "high": edges[-1],
        "total": sum(counts),
    }


def of_output(details: Mapping[str, Any], output: str) -> dict[str, Any] | None:
    """Return the picture that the verification's details hold for ``output``; None without one."""
    for place in (details.get("outputs"), details):
        entry = place.get(output) if isinstance(place, Mapping) else None
        if isinstance(entry, Mapping) and (found := histogram(entry.get("histogram"))):
            return found
    return None


def along(layers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each layer with the length of its bar, 0 to 100: the decades of its excess.

    1 is noise and 10 the limit; what exceeds ``DECADES`` fills the bar, and so does what
    is not finite.
    """
    rows = []
    for entry in layers:
        excess = entry.get("excess")
        if isinstance(excess, int | float):
            share = math.log10(1 + max(excess, 0.0)) / DECADES
        else:
            share = 1.0
        rows.append({**entry, "width": round(100 * min(share, 1.0), 1)})
    return rows


def _numbers(values: object) -> TypeGuard[Sequence[float]]:
    return isinstance(values, list | tuple) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )

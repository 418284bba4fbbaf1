"""Columns and JSON on standard output."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from modelport.text import legal, plain


def print_json(value: Any) -> None:  # noqa: ANN401  # any JSON
    """Print ``value``, readable and legal: no NaN, and nothing that a terminal obeys."""
    print(legal(value))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print ``rows``, the first of which holds the titles, in aligned columns."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (
            plain(cell) + " " * (width - _width(cell))
            for cell, width in zip(row, widths, strict=True)
        )
        print("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Return the columns of a terminal that ``text`` takes: a Chinese letter takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)

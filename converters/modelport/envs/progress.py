"""What a builder tells while it works: sentences that know how far they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Self

# pip "collects" what an index has, and "processes" a wheel of a folder (PIP_FIND_LINKS).
COLLECTED = re.compile(r"^Collecting ([A-Za-z0-9][\w.-]*==\S+)")
PROCESSED = re.compile(r"^Processing (?:\S*/)?([A-Za-z0-9][\w.]*)-([^-/\s]+)-[^/\s]*\.whl\b")
LATER = ("Installing collected packages",)
# Shares of the time of a build, measured on `base` and `oneflow`: most of it is the packages.
STARTED, VENV, PACKAGES, INSTALLED, READY = 0.0, 0.02, 0.05, 0.9, 1.0


class News(str):
    """A sentence of progress.

    Attributes:
        fraction: How much of the build is behind it, 0 to 1.
    """

    __slots__ = ("fraction",)
    fraction: float

    def __new__(cls, text: str, fraction: float = 0.0) -> Self:
        """Return ``text`` with its fraction."""
        made = super().__new__(cls, text)
        made.fraction = fraction
        return made


Say = Callable[[News], None]


def packages(name: str, count: int, say: Say) -> Callable[[str], None]:
    """Return a listener to pip's lines that tells of each package once."""
    seen: list[str] = []

    def heard(line: str) -> None:
        if (pin := _pin(line)) and pin not in seen:
            seen.append(pin)
            share = PACKAGES + (INSTALLED - PACKAGES) * min(len(seen) / max(count, 1), 1.0) * 0.7
            say(News(f"environment {name}: package {len(seen)} of {count}: {pin}", share))
        elif line.startswith(LATER):
            say(News(f"environment {name}: unpacking", PACKAGES + (INSTALLED - PACKAGES) * 0.8))

    return heard


def _pin(line: str) -> str:
    """Return the package that pip has begun with, as ``name==version``; "" for another line."""
    if found := COLLECTED.match(line):
        return found[1]
    found = PROCESSED.match(line)
    return f"{found[1].replace('_', '-')}=={found[2]}" if found else ""

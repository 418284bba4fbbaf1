"""What a builder tells while it works: sentences that know how far they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Self

COLLECTED = re.compile(r"^Collecting ([A-Za-z0-9][\w.-]*==\S+)")
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
        found = COLLECTED.match(line)
        if found and found[1] not in seen:
            seen.append(found[1])
            share = PACKAGES + (INSTALLED - PACKAGES) * min(len(seen) / max(count, 1), 1.0) * 0.7
            say(News(f"environment {name}: package {len(seen)} of {count}: {found[1]}", share))
        elif line.startswith(LATER):
            say(News(f"environment {name}: unpacking", PACKAGES + (INSTALLED - PACKAGES) * 0.8))

    return heard

"""One thing that a hostile model may try, and what has to keep it from succeeding."""

from __future__ import annotations

from typing import NamedTuple


class Attempt(NamedTuple):
    """One attempt.

    Attributes:
        name: Its name in tests and tables.
        code: Python that raises nothing only if the attempt has really succeeded; the names it
            may use are in inside.py.
        layers: The layers each of which blocks it by itself, as far as they are in force.
        root: Only root could do it even with those layers off.
    """

    name: str
    code: str
    layers: tuple[str, ...]
    root: bool = False


def rows(layers: str, attempts: dict[str, str], *, root: bool = False) -> list[Attempt]:
    """Return ``attempts`` (name: code), all of them blocked by each of ``layers``."""
    names = tuple(layers.split())
    return [Attempt(name, code, names, root) for name, code in attempts.items()]

"""Recognising one file: every format says 0 to 1 to every head, and names stay names.

The first byte chooses the file's name, the rest is the file.
"""

from __future__ import annotations

import math

from shelf import room

from modelport.errors import ModelportError
from modelport.intake import detection, looks
from modelport.registry import Registry

FORMATS = tuple(Registry.load(frozenset()).formats.values())
NAMES = (
    "m",
    *(f"m{one.main.removeprefix('*')}" for one in FORMATS),
    "m.bin",
    "m.zip",
    "m.m",
)


def target(data: bytes) -> None:
    """Ask every format; say what it looks like."""
    name = NAMES[data[0] % len(NAMES)] if data else "m"
    with room() as folder:
        path = folder / name
        path.write_bytes(data[1:])
        try:
            found = detection.head(path)
        except ModelportError:
            found = detection.Head(path.name, data[1:], (), max(0, len(data) - 1))
    for one in FORMATS:
        sure = one.match(found)
        assert isinstance(sure, float)
        assert math.isfinite(sure)
        assert 0.0 <= sure <= 1.0
        assert all(isinstance(beside, str) for beside in one.beside(found.name, found.first))
    assert looks.look(found).isprintable()

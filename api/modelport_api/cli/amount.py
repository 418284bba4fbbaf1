"""Reads what people write on a command line: ``8G``, ``name=value``, ``x=1,3,224,224``."""

from __future__ import annotations

from collections.abc import Iterable

import click

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def size(text: str) -> int:
    """Return a number of bytes; ``8G`` and ``8GiB`` are eight gibibytes."""
    letters = text.strip().upper().removesuffix("B").removesuffix("I")
    number, unit = (letters[:-1], letters[-1]) if letters[-1:] in set("KMGT") else (letters, "")
    try:
        count = float(number) * UNITS[unit]
    except ValueError:
        raise click.BadParameter(f"{text!r} is no amount of memory: write 8G or 512M") from None
    if not 1 <= count < 2**63:
        raise click.BadParameter(f"{text!r} is out of range")
    return int(count)


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Return ``{name: value}`` of texts like ``fp16=yes``."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE")
        found[name] = value
    return found


def shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return ``{input: shape}`` of texts like ``x=1,3,224,224``; a scalar has none: ``x=``."""
    found = {}
    for text in texts:
        name, equals, sizes = text.rpartition("=")
        try:
            shape = tuple(int(one) for one in sizes.replace("x", ",").split(",") if one.strip())
        except ValueError:
            shape = (-1,)
        if not name or not equals or any(one < 0 for one in shape):
            raise click.BadParameter(f"{text!r} is not of the form NAME=1,3,224,224")
        found[name] = shape
    return found

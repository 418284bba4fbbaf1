"""Reads a protobuf message field by field, without its definition: Paddle need not be there."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from modelport_sdk import CorruptModel

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
LONGEST = 10  # bytes of a varint


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at ``at`` and where the next byte is.

    Raises:
        CorruptModel: It runs over the end, or is longer than 64 bits.
    """
    number = shift = 0
    for place in range(at, min(at + LONGEST, len(data))):
        number |= (data[place] & 127) << shift
        if data[place] < 128:
            return number, place + 1
        shift += 7
    raise CorruptModel("the message ends within a number")


def fields(data: bytes) -> dict[int, list[Any]]:
    """Return the values of each field: integers, or bytes; of floats the bytes.

    Raises:
        CorruptModel: It is no message, or it ends too early.
    """
    found: dict[int, list[Any]] = defaultdict(list)
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = varint(data, at)
            found[number].append(value)
            continue
        if kind == BYTES:
            length, at = varint(data, at)
        elif kind in {EIGHT, FOUR}:
            length = 8 if kind == EIGHT else 4
        else:
            raise CorruptModel("this is no protobuf message")
        if at + length > len(data):
            raise CorruptModel("the message ends too early", hint="Transfer the file again.")
        found[number].append(data[at : at + length])
        at += length
    return found


def signed(number: int) -> int:
    """Return a varint as the signed number that it stands for."""
    return number - (1 << 64) if number >= 1 << 63 else number


def integers(values: list[Any]) -> list[int]:
    """Return a repeated int64, packed or not."""
    numbers = []
    for value in values:
        if isinstance(value, int):
            numbers.append(signed(value))
            continue
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            numbers.append(signed(number))
    return numbers


def text(values: list[Any]) -> str:
    """Return a string field; "" where it is left out.

    Raises:
        CorruptModel: It is none.
    """
    if not values:
        return ""
    try:
        return str(values[-1], "utf-8")
    except (TypeError, UnicodeDecodeError) as exc:
        raise CorruptModel("a name in the message is no text") from exc

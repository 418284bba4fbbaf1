"""Tar archives, read by our own reader: regular files only, nothing is ever restored.

``tarfile`` is not used: it reads headers of any declared length into memory, and its
extraction filters were bypassed (CVE-2025-4517) or are missing in older Pythons.
Source: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from modelport.errors import CorruptModel
from modelport.intake.budget import Sink
from modelport.intake.naming import shown

BLOCK = 512
CHUNK = 2**18
HEADER = 2**16  # bytes of a long name or of pax records; PATH_MAX is 4096
REGULAR, FOLDER = (b"0", b"\0", b"7"), b"5"
LONG_NAME, PAX, PAX_GLOBAL = b"L", b"x", b"g"


class Stream(Protocol):
    """What can be read from front to back."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; empty at the end."""


def is_tar(first: bytes) -> bool:
    """Return whether the first block is a tar header, by its checksum."""
    block = first[:BLOCK]
    return len(block) == BLOCK and bool(block[0]) and _sum(block) == _octal(block[148:156])


def untar(stream: Stream, sink: Sink) -> None:
    """Write the regular files of the archive into ``sink``.

    Raises:
        CorruptModel: Links, devices, sparse files, unsafe or doubled names, a damaged header.
        TooLarge: More bytes or files than the limits allow.
    """
    told: dict[str, str] = {}
    while block := _block(stream):
        sink.head(BLOCK)  # headers alone, compressed well, would keep us reading for hours
        kind = block[156:157]
        size = _number(block[124:136])
        if kind in (LONG_NAME, PAX, PAX_GLOBAL):
            body = _header(stream, size)
            sink.head(len(body))
            if kind == LONG_NAME:
                told["path"] = body.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif kind == PAX:
                told.update(_records(body))
            continue
        name = told.get("path") or _name(block)
        size = _told_size(told["size"]) if "size" in told else size
        if any(key.startswith("GNU.sparse") for key in told):
            raise _damaged(f"its entry {shown(name)} is sparse")
        told = {}
        if kind == FOLDER:
            continue
        if kind not in REGULAR:
            raise _damaged(f"its entry {shown(name)} is no regular file")
        goal = sink.place(name)
        content = _content(stream, size)
        if goal is not None:
            sink.write(goal, content)
        for chunk in content:  # what is junk is counted too, else it would be a bomb for free
            sink.spend(len(chunk))
        _exactly(stream, -size % BLOCK)


def _block(stream: Stream) -> bytes:
    """Return the next header; empty at the archive's end."""
    block = stream.read(BLOCK)
    if not block.strip(b"\0"):
        return b""
    if len(block) < BLOCK or _sum(block) != _octal(block[148:156]):
        raise _damaged("a header is damaged")
    return block


def _header(stream: Stream, size: int) -> bytes:
    if size > HEADER:
        raise _damaged("a header is longer than 64 KiB")
    body = _exactly(stream, size)
    _exactly(stream, -size % BLOCK)
    return body


def _records(body: bytes) -> Iterator[tuple[str, str]]:
    while body:
        digits, space, _ = body.partition(b" ")
        # More digits than a header has bytes cannot be a length, and int() refuses thousands.
        length = int(digits) if space and digits.isdigit() and len(digits) < 9 else 0  # noqa: PLR2004
        if not len(digits) + 2 < length <= len(body):
            raise _damaged("a pax record is damaged")
        key, _, value = body[len(digits) + 1 : length - 1].partition(b"=")
        yield key.decode("utf-8", "replace"), value.decode("utf-8", "surrogateescape")
        body = body[length:]


def _content(stream: Stream, size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = stream.read(min(CHUNK, size))
        if not chunk:
            raise _damaged("it is cut short")
        size -= len(chunk)
        yield chunk


def _exactly(stream: Stream, size: int) -> bytes:
    return b"".join(_content(stream, size))


def _name(block: bytes) -> str:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape")


def _told_size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):  # noqa: PLR2004  # of 2**63
        raise _damaged("a pax record is damaged")
    return int(text)


def _number(field: bytes) -> int:
    if field[0] & 0x80:  # GNU: a binary number
        return int.from_bytes(field[1:], "big")
    value = _octal(field)
    if value < 0:
        raise _damaged("a header is damaged")
    return value


def _octal(field: bytes) -> int:
    text = field.split(b"\0")[0].strip()
    try:
        return int(text, 8) if text else 0
    except ValueError:
        return -1


def _sum(block: bytes) -> int:
    return sum(block[:148]) + 8 * 32 + sum(block[156:])


def _damaged(why: str) -> CorruptModel:
    return CorruptModel(
        f"the tar archive cannot be unpacked: {why}",
        hint="Pack the model's files again, or send them as they are.",
    )

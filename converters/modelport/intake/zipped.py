"""Zip archives, read by our own reader: strict where ``zipfile`` is lenient.

Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central
directory), 4.3.14 to 4.3.16 (its ends), 4.5.3 (ZIP64), 4.6.9 (Unicode path).
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from modelport.errors import CorruptModel, TooLarge
from modelport.intake.budget import FREE, RATIO, Sink
from modelport.intake.naming import same, shown

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an archive without entries
CHUNK = 2**18
DIRECTORY = 32 * 2**20  # bytes of names and numbers that we are ready to hold in memory
ENTRIES = 2**17  # the largest TorchScript files seen have about 10,000
STORED, DEFLATED = 0, 8
ENCRYPTED, UTF8 = 0x1, 0x800
ZIP64, UNICODE_PATH = 0x1, 0x7075
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the central directory; sizes and offset in bytes."""

    name: str
    raw: bytes
    method: int
    flags: int
    mode: int
    crc: int
    compressed: int
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory stands: ``end`` is where what follows it begins."""

    count: int
    size: int
    offset: int
    end: int


def entries(path: Path) -> tuple[Entry, ...]:
    """Return the central directory.

    Raises:
        CorruptModel: There is none, it is damaged, or it is larger than 32 MiB or 131,072
            entries.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[Directory, tuple[Entry, ...]]:
    try:
        with path.open("rb") as stream:
            where = _directory(stream)
            if where.size > DIRECTORY or where.count > min(ENTRIES, where.size // 46):
                raise _damaged("its directory is too large")
            stream.seek(where.offset)
            return where, tuple(_parsed(stream.read(where.size), where.count))
    except (struct.error, OSError, ValueError, OverflowError):  # an offset may say 2**64 - 1
        raise _damaged("its directory is damaged") from None


def _directory(stream: BinaryIO) -> Directory:
    total = stream.seek(0, os.SEEK_END)
    start = max(0, total - 22 - FULL16)
    stream.seek(start)
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise _damaged("it is cut short")
    count, size, offset = struct.unpack_from("<10xHLL", tail, at)
    end = start + at
    locator = at - 20
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        (end,) = struct.unpack_from("<8xQ", tail, locator)
        stream.seek(end)
        head = stream.read(56)
        if head[:4] != b"PK\x06\x06":
            raise _damaged("its ZIP64 record is missing")
        count, size, offset = struct.unpack_from("<32xQQQ", head)
    if offset + size > end:
        raise _damaged("its directory is damaged")
    return Directory(count, size, offset, end)


def _parsed(data: bytes, count: int) -> Iterator[Entry]:
    at = 0
    for _ in range(count):
        if data[at : at + 4] != b"PK\x01\x02":
            raise _damaged("its directory is damaged")
        flags, method, crc, compressed, size, names, extras, comment, outer, offset = (
            struct.unpack_from("<8xHH4xLLLHHH4xLL", data, at)
        )
        raw = data[at + 46 : at + 46 + names]
        extra = data[at + 46 + names : at + 46 + names + extras]
        size, compressed, offset = _wide(extra, size, compressed, offset)
        name = _decoded(raw, flags, extra)
        yield Entry(name, raw, method, flags, outer >> 16, crc, compressed, size, offset)
        at += 46 + names + extras + comment
        if at > len(data):
            raise _damaged("its directory is damaged")


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _wide(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    values = [size, compressed, offset]
    for kind, body in _fields(extra):
        if kind == ZIP64:
            at = 0
            for index, value in enumerate(values):
                if value == FULL32:
                    (values[index],) = struct.unpack_from("<Q", body, at)
                    at += 8
    return values[0], values[1], values[2]


def _decoded(raw: bytes, flags: int, extra: bytes) -> str:
    """Return the name; Windows in China writes GBK without saying so, macOS writes UTF-8."""
    for kind, body in _fields(extra):
        if kind == UNICODE_PATH and body[1:5] == struct.pack("<L", zlib.crc32(raw)):
            return body[5:].decode("utf-8", "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if flags & UTF8:
            return raw.decode("utf-8", "replace")
    try:
        text = raw.decode("gb2312")
    except UnicodeDecodeError:
        return raw.decode("cp437")
    return text


def unzip(path: Path, sink: Sink) -> None:
    """Write the regular files of the archive into ``sink``.

    Raises:
        CorruptModel: Links or devices, encryption, overlapping entries, unsafe or doubled
            names, sizes or checksums that lie.
        TooLarge: More bytes or files than the limits allow.
    """
    for entry, chunks in contents(path, entries(path)):
        goal = sink.place(entry.name)
        if goal is not None:
            sink.write(goal, chunks)


def contents(path: Path, listed: Sequence[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
    """Yield the files among ``listed`` with their unpacked bytes, to be read at once or never.

    Raises:
        CorruptModel: As ``unzip`` does.
    """
    listed = [entry for entry in listed if not entry.name.endswith("/")]
    for entry in listed:
        _check(entry)
    with path.open("rb") as stream:
        starts = _layout(stream, listed, _directory(stream).offset)
        for entry in listed:
            stream.seek(starts[entry.offset])
            yield entry, _content(stream, entry)


def check(path: Path) -> None:
    """Return if every reader of zip archives sees the same files in ``path``.

    For models that are archives themselves. Frameworks read them with libraries of their own
    (PyTorch with miniz, which takes ``A`` for ``a``), so what two readers may take
    differently could pass a check here and be loaded as something else there.

    Raises:
        CorruptModel: As ``unzip``; the contents are not unpacked.
        TooLarge: They would unpack to more than an honest archive of that size holds.
    """
    where, listed = _read(path)
    if where.offset + where.size != where.end:  # some readers go by the offset, some by the end
        raise _damaged("its directory is not where it says")
    seen: set[str] = set()
    for entry in listed:
        _check(entry)
        if same(entry.name) in seen:
            raise _damaged(f"it holds two entries called {shown(entry.name)}")
        seen.add(same(entry.name))
    with path.open("rb") as stream:
        _layout(stream, listed, where.offset)
    if sum(entry.size for entry in listed) > max(FREE, RATIO * path.stat().st_size):
        raise TooLarge(
            f"the archive unpacks to more than {RATIO} times its size",
            hint="Save the model again without compression.",
        )


def _check(entry: Entry) -> None:
    kind = stat.S_IFMT(entry.mode)
    if kind not in (0, stat.S_IFREG):
        raise _damaged(f"its entry {shown(entry.name)} is no regular file")
    if entry.flags & ENCRYPTED:
        raise CorruptModel("the archive is encrypted", hint="Send it without a password.")
    if entry.method not in (STORED, DEFLATED):
        raise CorruptModel(
            f"the archive is packed with method {entry.method}, which is not read here",
            hint="Pack it again as a plain zip (deflate), or send the files themselves.",
        )


def _layout(stream: BinaryIO, listed: Sequence[Entry], room: int) -> dict[int, int]:
    """Return where the content of the entry at each offset begins; no two may overlap.

    All of them end before ``room``, where the directory begins.
    """
    starts: dict[int, int] = {}
    end = 0
    for entry in sorted(listed, key=lambda one: one.offset):
        stream.seek(min(entry.offset, room))  # an offset of 2**64 - 1 is no place to seek
        head = stream.read(30)
        if len(head) < 30 or head[:4] != b"PK\x03\x04":  # noqa: PLR2004  # APPNOTE 4.3.7
            raise _damaged(f"its entry {shown(entry.name)} is not where the directory says")
        method, names, extras = struct.unpack_from("<8xH16xHH", head)
        if stream.read(names) != entry.raw or method != entry.method:
            raise _damaged(f"its entry {shown(entry.name)} differs from the directory")
        start = entry.offset + 30 + names + extras
        if entry.offset < end or start + entry.compressed > room:
            raise _damaged(f"its entry {shown(entry.name)} overlaps another")
        starts[entry.offset] = start
        end = start + entry.compressed
    return starts


def _content(stream: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """Yield the unpacked bytes; stops as soon as there are more than declared."""
    crc = count = 0
    for chunk in _inflated(stream, entry):
        count += len(chunk)
        if count > entry.size:
            raise _damaged(f"its entry {shown(entry.name)} is longer than it says")
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if count != entry.size or crc != entry.crc:
        raise _damaged(f"its entry {shown(entry.name)} does not match its size or checksum")


def _inflated(stream: BinaryIO, entry: Entry) -> Iterator[bytes]:
    left = entry.compressed
    inflater = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == DEFLATED else None
    while left > 0:
        data = stream.read(min(CHUNK, left))
        if not data:
            raise _damaged("it is cut short")
        left -= len(data)
        if inflater is None:
            yield data
            continue
        try:
            while data:
                yield inflater.decompress(data, CHUNK)
                data = inflater.unconsumed_tail
        except zlib.error:
            raise _damaged(f"its entry {shown(entry.name)} is damaged") from None
    while inflater is not None and not inflater.eof:
        rest = inflater.decompress(b"", CHUNK)
        if rest:
            yield rest
            continue
        raise _damaged(f"its entry {shown(entry.name)} is cut short")


def _damaged(why: str) -> CorruptModel:
    return CorruptModel(
        f"the zip archive cannot be unpacked: {why}",
        hint="Pack the model's files again, or send them as they are.",
    )

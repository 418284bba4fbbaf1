"""Streams a folder as a zip archive, without writing it to disk first."""

from __future__ import annotations

import io
import os
import stat
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from modelport_api.storage.deliveries import descriptor

CHUNK = 1024**2
FIRST_DAY = 365 * 86400 * 10 + 3 * 86400  # in 1980; the format knows no earlier one


class _Pipe(io.RawIOBase):
    """What ``zipfile`` writes to: keeps the bytes until they are taken; cannot seek."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        before = len(self._kept)
        self._kept += memoryview(data)  # type: ignore[arg-type]  # any buffer, as in RawIOBase
        return len(self._kept) - before

    def take(self) -> bytes:
        data = bytes(self._kept)
        self._kept.clear()
        return data


def stream(root: Path, names: Sequence[str]) -> Iterator[bytes]:
    """Yield a zip of the files ``names`` under ``root``; weights hardly compress, so stored.

    Names that are not ASCII are written as UTF-8 and flagged so (APPNOTE.TXT 6.3.10, 4.4.4).
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            with os.fdopen(descriptor(root, name), "rb") as source:
                entry = _entry(name, os.fstat(source.fileno()).st_mtime)
                # Sizes are known only after the data, so that the large form must be promised.
                with archive.open(entry, "w", force_zip64=True) as target:
                    while chunk := source.read(CHUNK):
                        target.write(chunk)
                        yield pipe.take()
    yield pipe.take()


def _entry(name: str, seconds: float) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.localtime(max(seconds, FIRST_DAY))[:6])
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry

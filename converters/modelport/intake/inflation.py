"""Reads gzip files at the speed of zlib, whatever stands in their headers.

``gzip.GzipFile`` reads the name in a header and the padding behind a member one byte at a
time: a name of 20 MB took it 7 s.
Source: RFC 1952, "GZIP file format specification version 4.3", section 2.2.
"""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

INPUT = 2**14  # bytes; what is left of it is copied for every member that ends
MEMBERS = 2**20  # bgzip writes one for each 64 KiB: room for 64 GiB


class Inflated(io.RawIOBase):
    """The content of all members of a gzip file, one after the other.

    Reading raises ``zlib.error`` where the file is damaged and ``EOFError`` where it is cut
    short.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = b""
        self._count = 0
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._begun = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Close the file too."""
        self._stream.close()
        super().close()

    def readinto(self, buffer: object) -> int:
        """Fill ``buffer`` as far as one step gives; 0 at the end."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # any buffer, as in RawIOBase
        while True:
            if not self._begun and not self._next():
                return 0
            data = self._left or self._stream.read(INPUT)
            out = self._inflater.decompress(data, len(view))
            self._left = self._inflater.unconsumed_tail or self._inflater.unused_data
            self._begun = not self._inflater.eof
            if out:
                view[: len(out)] = out
                return len(out)
            if self._begun and not data:
                raise EOFError

    def _next(self) -> bool:
        """Begin the next member, if there is one behind the padding."""
        data = self._left.lstrip(b"\0") if self._count else self._left
        while not data and (more := self._stream.read(INPUT)):
            data = more.lstrip(b"\0") if self._count else more
        self._left = data
        if not data:
            return False
        self._count += 1
        if self._count > MEMBERS:
            raise zlib.error("too many members")
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._begun = True
        return True

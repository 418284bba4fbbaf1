"""Reads multipart/form-data as it streams: files go to a sink, small fields are kept."""

from __future__ import annotations

import re
import urllib.parse
from typing import Protocol

from python_multipart import MultipartParser
from python_multipart.multipart import parse_options_header

from modelport_api.problems import BadRequest

FIELD_BYTES = 64 * 1024
MAX_FIELDS = 1000
EXTENDED = re.compile(r"filename\*\s*=\s*utf-8''([^;\s]+)", re.IGNORECASE)


class Files(Protocol):
    """Where the files of a form go, and its fields."""

    fields: dict[str, list[str]]

    def open(self, name: str) -> None:
        """Begin a file."""

    def write(self, data: bytes) -> None:
        """Add to it."""

    def close(self) -> None:
        """End it."""


class Form:
    """Parses one body; used from one thread at a time."""

    def __init__(self, files: Files, boundary: bytes) -> None:
        """Raise ``BadRequest`` without a boundary."""
        if not boundary:
            raise BadRequest("the multipart body has no boundary")
        self._files = files
        self._header, self._value = bytearray(), bytearray()
        self._disposition = ""
        self._name = ""
        self._text: bytearray | None = None
        self._fields = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": lambda data, a, b: self._header.extend(data[a:b]),
                "on_header_value": lambda data, a, b: self._value.extend(data[a:b]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
            },
        )

    def write(self, data: bytes) -> None:
        """Parse the next piece of the body."""
        self._parser.write(data)

    def end(self) -> None:
        """Say that the body has ended; raises ``FormParserError`` if it is cut off."""
        self._parser.finalize()

    def _part_begin(self) -> None:
        self._disposition = ""

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            # Bytes, read as Latin-1 here and decoded as UTF-8 later: that is what is sent.
            self._disposition = self._value.decode("latin-1")
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        _, parameters = parse_options_header(self._disposition.encode("latin-1"))
        self._name = parameters.get(b"name", b"").decode(errors="replace")
        if b"filename" in parameters or EXTENDED.search(self._disposition):
            self._text = None
            self._files.open(disposition(self._disposition))
            return
        self._text = bytearray()
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise BadRequest(f"more than {MAX_FIELDS} fields")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._text is None:
            self._files.write(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > FIELD_BYTES:
            raise BadRequest("a field of the form is too long")

    def _part_end(self) -> None:
        if self._text is None:
            self._files.close()
        else:
            text = self._text.decode(errors="replace")
            self._files.fields.setdefault(self._name, []).append(text)


def disposition(header: str) -> str:
    """Return the file name of a Content-Disposition header (RFC 6266), or ""."""
    if found := EXTENDED.search(header):
        return urllib.parse.unquote(found[1])
    _, parameters = parse_options_header(header.encode("latin-1", "replace"))
    name = parameters.get(b"filename", b"").decode(errors="replace")
    # What browsers escape in a quoted name (WHATWG HTML, multipart/form-data encoding).
    return name.replace("%22", '"').replace("%0D", "").replace("%0A", "")

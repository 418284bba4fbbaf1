"""Streams an upload to disk while hashing it: one raw body, or multipart with several files.

Nothing of a model is held in memory beyond one chunk.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from modelport.errors import DiskFull, TooLarge
from modelport_api.problems import BadRequest
from modelport_api.settings import Settings
from modelport_api.storage.forms import Form, disposition

CHUNK = 1024**2  # bytes gathered before a thread writes them
CHECK = 64 * 1024**2  # bytes between two looks at the free disk
NAME_BYTES = 200  # below the 255 of common file systems, with room for our suffixes
MAX_FILES = 1000


@dataclass(frozen=True)
class File:
    """One file of an upload, as it lies on disk."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Come:
    """The files of a model that have come.

    Attributes:
        paths: Where they lie, on the disk of the models.
        files: What they are called, their sizes and digests; in the same order.
        uploads: Ids of the resumable uploads that they are, used up by the model.
    """

    paths: tuple[Path, ...]
    files: tuple[File, ...]
    uploads: tuple[str, ...] = ()


@dataclass
class Sink:
    """Writes the files of one upload into ``folder``; used from one thread at a time."""

    folder: Path
    limit: int
    reserve: int
    files: list[File] = field(default_factory=list[File])
    fields: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    total: int = 0
    _stream: BinaryIO | None = None
    _name: str = ""
    _size: int = 0
    _checked: int = 0

    def open(self, name: str) -> None:
        """Begin a file.

        Raises:
            BadRequest: Two files have one name, or there are too many.
        """
        self._name, self._size, self._hash = clean(name), 0, hashlib.sha256()
        if any(file.name == self._name for file in self.files):
            raise BadRequest(f"two files are named {self._name}", hint="Send a zip instead.")
        if len(self.files) >= MAX_FILES:
            raise BadRequest(f"more than {MAX_FILES} files", hint="Send a zip instead.")
        self._stream = (self.folder / self._name).open("xb")

    def write(self, data: bytes) -> None:
        """Add to the file.

        Raises:
            TooLarge: The upload exceeds its limit.
            DiskFull: The disk has too little room.
        """
        self.total += len(data)
        if self.total > self.limit:
            raise too_large(self.limit)
        if self.total - self._checked >= CHECK:
            self._checked = self.total
            check_disk(self.folder, self.reserve)
        assert self._stream is not None  # noqa: S101  # open() comes first
        try:
            self._stream.write(data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full() from error
            raise
        self._hash.update(data)
        self._size += len(data)

    def close(self) -> None:
        """End the file, if one is open."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            self.files.append(File(self._name, self._size, self._hash.hexdigest()))


def too_large(limit: int) -> TooLarge:
    """Return the error of an upload beyond ``limit`` bytes."""
    return TooLarge(
        f"the upload is larger than {limit} bytes",
        hint="Ask the operator to raise MODELPORT_UPLOAD_BYTES.",
    )


def disk_full() -> DiskFull:
    """Return the error of an upload that the disk has no room for."""
    return DiskFull("the service's disk has no room for it", hint="Ask the operator for more disk.")


def check_disk(folder: Path, reserve: int, size: int = 0) -> None:
    """Raise ``DiskFull`` if ``size`` bytes more would leave less than ``reserve``."""
    if shutil.disk_usage(folder).free < reserve + size:
        raise disk_full()


def clean(name: str) -> str:
    """Return ``name`` as a legal file name: no folder, no control characters, not hidden."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    last = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip().lstrip(".")
    stem, dot, suffix = last.rpartition(".")
    stem, suffix = (stem, dot + suffix) if dot else (last, "")
    suffix = suffix.encode()[: NAME_BYTES // 2].decode(errors="ignore")
    return (
        stem.encode()[: NAME_BYTES - len(suffix.encode())].decode(errors="ignore") + suffix
    ) or "model"


async def receive(
    request: Request,
    folder: Path,
    settings: Settings,
    *,
    filename: str,
    room: Callable[[int], None],
) -> Sink:
    """Write the body of ``request`` into ``folder`` and return what came.

    Args:
        request: Raw body, or multipart/form-data.
        folder: Exists and is empty.
        settings: For the limits.
        filename: Name of a raw body; else its Content-Disposition says it.
        room: Raises where the bytes that are announced cannot be kept.

    Raises:
        BadRequest: There is no file in it, or it is malformed.
        TooLarge: It exceeds the limit.
        DiskFull: The disk has too little room.
    """
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal() and len(length) < 20):  # noqa: PLR2004  # 2**63
        raise BadRequest("content-length: not a number of bytes")
    announced = int(length)
    if announced > settings.upload_bytes + CHUNK:  # multipart needs some for its headers
        raise too_large(settings.upload_bytes)
    await run_in_threadpool(room, announced)
    sink = Sink(folder, settings.upload_bytes, settings.disk_reserve)
    kind, parameters = parse_options_header(request.headers.get("content-type"))
    multipart = kind == b"multipart/form-data"
    try:
        if multipart:
            form = Form(sink, parameters.get(b"boundary", b""))
            await _pump(request, form.write)
            await run_in_threadpool(form.end)
        else:
            sink.open(filename or disposition(request.headers.get("content-disposition", "")))
            await _pump(request, sink.write)
    except FormParserError as error:
        raise BadRequest("the multipart body is malformed") from error
    finally:
        await run_in_threadpool(sink.close)
    if not sink.files or (not multipart and not sink.total):
        raise BadRequest("there is no file in the request", hint="Send the model as the body.")
    return sink


async def _pump(request: Request, write: Callable[[bytes], None]) -> None:
    buffer = bytearray()
    async for chunk in request.stream():
        buffer += chunk
        if len(buffer) >= CHUNK:
            await run_in_threadpool(write, bytes(buffer))
            buffer.clear()
    if buffer:
        await run_in_threadpool(write, bytes(buffer))

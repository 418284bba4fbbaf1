"""Arrays in ``.npz`` and ``.npy`` files that a user sent or a worker left, read by our own reader.

``numpy.load`` believes the file: it makes room for a shape before it has seen a byte of it
(a header of 100 bytes asks for terabytes), unpacks members of any size, and lets a dozen
kinds of exceptions out. Here a header has to agree with the bytes behind it.
Source: numpy 2.4, ``numpy/lib/format.py``, "Format Version 1.0" to "3.0".
"""

from __future__ import annotations

import ast
import math
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from modelport.errors import BadInputs, CorruptModel
from modelport.intake import zipped
from modelport.intake.naming import shown
from modelport.model import Array

MAGIC = b"\x93NUMPY"
HEADER = 4096  # bytes; NumPy writes 128, and ast's parser needs a stack for what is nested
RANK = 32  # axes that NumPy's iterators take; arrays have up to 64
MEMBERS = 10_000
LENGTHS = {1: "<H", 2: "<I", 3: "<I"}  # of the header, by major version
# Booleans, integers, floats, complex numbers, text and raw bytes; no objects, no records.
PLAIN = re.compile(r"[<>|=]?[biufcSUV]\d{1,9}\Z")
HINT = "Save them with numpy.savez(file, **{input name: array})."


@dataclass(frozen=True)
class Header:
    """What stands before the values: ``start`` is where they begin, in bytes."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def order(self) -> Literal["F", "C"]:
        """As NumPy calls it."""
        return "F" if self.fortran else "C"

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def load(path: Path, limit: int) -> dict[str, Array]:
    """Return the arrays of an ``.npz`` by name, in their order.

    Raises:
        BadInputs: It is none, is damaged, holds something else than plain arrays, or
            unpacks to more than ``limit`` bytes.
    """
    found = {}
    with _blamed():
        for name, size, chunks in _members(path, limit):
            content = bytearray()
            for chunk in chunks:
                content += chunk
                if len(content) == len(chunk):  # the first: no more is read of what disagrees
                    _agrees(_header(content), size)
            found[name] = _array(content, _header(content))
    return found


def shapes(path: Path, limit: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes by name, from the headers alone; raises as ``load`` does."""
    found = {}
    with _blamed():
        for name, size, chunks in _members(path, limit):
            header = _header(next(chunks, b""))
            _agrees(header, size)
            found[name] = header.shape
    return found


def mapped(path: Path) -> Array:
    """Return the array of an ``.npy`` file, read from disk where it is used.

    Raises:
        BadInputs: It is none.
    """
    with path.open("rb") as stream:
        header = _header(stream.read(HEADER + 16))
    _agrees(header, path.stat().st_size)
    if not header.nbytes:
        return np.empty(header.shape, header.dtype)
    found: Array = np.memmap(path, header.dtype, "r", header.start, header.shape, header.order)
    return found


@contextmanager
def _blamed() -> Iterator[None]:
    """Say of a damaged archive that the inputs are, not a model."""
    try:
        yield
    except CorruptModel as exc:
        raise _refused(str(exc)) from exc


def _members(path: Path, limit: int) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    """Yield name, bytes and content of each member."""
    seen: set[str] = set()
    listed = zipped.entries(path)
    total = sum(entry.size for entry in listed)
    if total > limit or len(listed) > MEMBERS:
        raise _refused(f"they unpack to {total} bytes; at most {limit} are read")
    for entry, chunks in zipped.contents(path, listed):
        name = entry.name.removesuffix(".npy")
        if name == entry.name or name in seen:
            raise _refused(f"{shown(entry.name)} is no array, or there twice")
        seen.add(name)
        yield name, entry.size, chunks
    if not seen:
        raise _refused("there is none in the file")


def _header(content: bytes | bytearray) -> Header:
    """Return the header at the beginning of ``content``, which may end behind it."""
    form = LENGTHS.get(content[6] if len(content) > len(MAGIC) + 6 else 0)
    if not content.startswith(MAGIC) or form is None:
        raise _refused("a member is no array")
    (length,) = struct.unpack_from(form, content, 8)
    begin = 8 + struct.calcsize(form)
    if length > HEADER or begin + length > len(content):
        raise _refused("the header of an array is cut short")
    try:
        told = ast.literal_eval(content[begin : begin + length].decode("latin-1").strip())
        descr, fortran, shape = told["descr"], told["fortran_order"], told["shape"]
    except (ValueError, SyntaxError, TypeError, LookupError, MemoryError, RecursionError):
        raise _refused("the header of an array is damaged") from None
    if not isinstance(descr, str) or not PLAIN.match(descr):
        raise _refused("an array holds objects or records")
    if not isinstance(shape, tuple) or len(shape) > RANK or not all(map(_is_size, shape)):
        raise _refused("the shape of an array is none")
    try:
        dtype = np.dtype(descr)
    except (TypeError, ValueError):
        raise _refused("an array has a type that NumPy does not know") from None
    return Header(dtype, shape, fortran is True, begin + length)


def _is_size(size: object) -> bool:
    # The product of the others must not overflow in NumPy where one is 0.
    return type(size) is int and 0 <= size < 2**31


def _agrees(header: Header, size: int) -> None:
    if header.start + header.nbytes != size or not header.dtype.itemsize:
        raise _refused("an array has another size than its header says")
    if math.prod(filter(None, header.shape)) >= 2**63:
        raise _refused("the shape of an array is none")


def _array(content: bytearray, header: Header) -> Array:
    _agrees(header, len(content))
    flat = np.frombuffer(content, header.dtype, offset=header.start)
    return flat.reshape(header.shape, order=header.order)


def _refused(why: str) -> BadInputs:
    return BadInputs(f"the inputs are no .npz of plain arrays: {why}", hint=HINT)

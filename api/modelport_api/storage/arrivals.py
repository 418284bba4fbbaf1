"""The open ends of uploads that go on where they broke off: who may write, where, how far hashed.

How many bytes an upload has is the length of its file, so that no crash makes the two disagree.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelport_api.problems import BadRequest, ChecksumMismatch, Locked
from modelport_api.storage.uploads import CHECK, CHUNK, disk_full

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

HAND_OVER_SECONDS = 10.0  # that a request has to let go of an upload when another asks for it
ALGORITHMS: dict[str, Callable[[], Hash]] = {
    # What every server of the protocol has to know; it finds faults of the line, no forgeries.
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}


def locked() -> Locked:
    """Return the error of an upload that another request is writing."""
    return Locked("another request is writing this upload", hint="Ask for its offset, then go on.")


def too_many(size: int) -> BadRequest:
    """Return the error of an upload that does not end where it said."""
    return BadRequest(f"more than the {size} bytes that were announced")


class Arrivals:
    """Gives each upload to one request at a time; the newest wins.

    A client whose connection broke comes back before the server has noticed. Its earlier
    request is told to let go, and keeps what had come.
    """

    def __init__(self) -> None:
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._leave: dict[str, asyncio.Event] = {}
        self.hashes: dict[str, tuple[int, Hash]] = {}

    @asynccontextmanager
    async def turn(self, id: str) -> AsyncGenerator[asyncio.Event]:
        """Hold the upload ``id``; the event is set when another request wants it.

        Raises:
            Locked: Whoever has it does not let go.
        """
        if id in self._leave:
            self._leave[id].set()
        turn = self._turns.setdefault(id, asyncio.Lock())
        try:
            await asyncio.wait_for(turn.acquire(), HAND_OVER_SECONDS)
        except TimeoutError as error:
            raise locked() from error
        try:
            self._leave[id] = asyncio.Event()
            yield self._leave[id]
        finally:
            del self._leave[id]
            turn.release()


@dataclass(frozen=True)
class Checksum:
    """What the client says that the bytes of one request hash to."""

    algorithm: str
    digest: bytes


@dataclass
class Tail:
    """The end of one upload's file, open to be written; used from one thread at a time."""

    path: Path
    size: int
    room: Callable[[], None]
    descriptor: int
    offset: int
    whole: Hash
    checksum: Checksum | None
    _piece: Hash | None = None
    _start: tuple[int, Hash] = field(init=False)
    _checked: int = 0

    def __post_init__(self) -> None:
        """Remember where this request begins; its bytes do not count before they are checked."""
        self._start = (self.offset, self.whole.copy())
        self._checked = self.offset
        if self.checksum is not None:
            self._piece = ALGORITHMS[self.checksum.algorithm]()
            mark(self.path).write_text(str(self.offset), encoding="ascii")

    def write(self, data: bytes) -> None:
        """Add to the file.

        Raises:
            BadRequest: More bytes than announced.
            DiskFull: The disk has too little room.
        """
        if self.offset + len(data) > self.size:
            raise too_many(self.size)
        if self.offset - self._checked >= CHECK:
            self._checked = self.offset
            self.room()
        view = memoryview(data)
        while view:
            try:
                count = os.write(self.descriptor, view)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise disk_full() from error
                raise
            self.whole.update(view[:count])
            if self._piece is not None:
                self._piece.update(view[:count])
            self.offset += count
            view = view[count:]

    def check(self) -> None:
        """Compare what came with the client's checksum; without one there is nothing to do.

        Raises:
            ChecksumMismatch: They differ; the bytes are taken back.
        """
        if self.checksum is None or self._piece is None:
            return
        if self._piece.digest() != self.checksum.digest:
            raise ChecksumMismatch("the bytes are not those of the checksum", hint="Send again.")
        mark(self.path).unlink()
        self._piece = None

    def settle(self) -> None:
        """Put on the disk what counts; bytes that wait for a checksum that never came do not."""
        if self._piece is not None:
            self.offset, self.whole = self._start
            os.ftruncate(self.descriptor, self.offset)
        os.fsync(self.descriptor)
        if self._piece is not None:
            mark(self.path).unlink()


def mark(path: Path) -> Path:
    """Return the file that says how many bytes of ``path`` count while more are unchecked."""
    return path.parent / ".checked"


def offset(path: Path) -> int:
    """Return how many bytes of an upload have come and count."""
    with contextlib.suppress(FileNotFoundError):
        return int(mark(path).read_text(encoding="ascii"))
    return path.stat().st_size


@contextmanager
def tail(
    path: Path,
    size: int,
    known: tuple[int, Hash] | None,
    room: Callable[[], None],
    checksum: Checksum | None = None,
) -> Generator[Tail]:
    """Open an upload's file at its end, and put it on the disk in the end.

    Args:
        path: The file.
        size: Bytes that it will have.
        known: A number of bytes and their hash, from an earlier request.
        room: Raises where the disk gets full.
        checksum: Of the bytes of this request.

    Raises:
        Locked: Another process has it open.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise locked() from error
        start = offset(path)
        os.ftruncate(descriptor, start)
        mark(path).unlink(missing_ok=True)
        hashed = known[1] if known and known[0] == start else _hash(descriptor, start)
        found = Tail(path, size, room, descriptor, start, hashed, checksum)
        try:
            yield found
        finally:
            found.settle()
    finally:
        os.close(descriptor)


def _hash(descriptor: int, size: int) -> Hash:
    """Return the hash of the first ``size`` bytes, which this process has not seen coming."""
    found, done = hashlib.sha256(), 0
    while done < size and (data := os.pread(descriptor, min(CHUNK, size - done), done)):
        found.update(data)
        done += len(data)
    return found

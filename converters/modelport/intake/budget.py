"""What an upload may cost on disk, counted in real bytes while they are written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from modelport.errors import CorruptModel, TooLarge
from modelport.intake.naming import relative, same, shown

# Zeros deflate about 1030:1, weights seldom better than 2:1. Only beyond FREE bytes does
# the ratio count, so that a small model with constant weights may be sent as an archive.
RATIO = 200
FREE = 256 * 2**20


class Limits(Protocol):
    """The two limits that intake keeps: bytes and number of files on disk."""

    @property
    def disk(self) -> int:
        """Bytes."""

    @property
    def files(self) -> int:
        """Number of files."""


class Sink:
    """A folder being filled: builds every path itself and counts what is written.

    Attributes:
        root: The folder.
    """

    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root
        self._limits = limits
        self._seen: set[str] = set()
        self._written = self._headed = 0
        self._allowance = limits.disk

    @contextlib.contextmanager
    def unpacking(self, size: int) -> Iterator[None]:
        """Cap what is written inside by the ratio to an archive of ``size`` bytes."""
        self._allowance = self._written + max(FREE, RATIO * size)
        yield
        self._allowance = self._limits.disk

    def place(self, name: str) -> Path | None:
        """Return where the entry ``name`` goes; None where it is junk.

        Raises:
            CorruptModel: The name is unsafe, or was there before.
            TooLarge: There are too many files.
        """
        parts = relative(name)
        return self.put("/".join(parts)) if parts else None

    def put(self, name: str) -> Path:
        """Return the path of the safe relative ``name``, its folder made."""
        if same(name) in self._seen:
            raise CorruptModel(
                f"the upload holds two files called {shown(name)}",
                hint="Send one model, each of its files once.",
            )
        self._seen.add(same(name))
        if len(self._seen) > self._limits.files:
            raise self._too_many()
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise CorruptModel(
                f"the upload holds {shown(name)} inside of a file",
                hint="Send one model, each of its files once.",
            ) from None
        if path.is_dir():
            raise CorruptModel(
                f"the upload holds a file and a folder called {shown(name)}",
                hint="Send one model, each of its files once.",
            )
        return path

    def head(self, size: int) -> None:
        """Count a header of ``size`` bytes: an archive of nothing else costs time all the same."""
        self._headed += 1
        if self._headed > 2 * self._limits.files:
            raise self._too_many()
        self.spend(size)

    def _too_many(self) -> TooLarge:
        return TooLarge(
            f"the upload holds more than {self._limits.files} files",
            hint="Send the files of the model alone.",
        )

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Write ``chunks`` to ``path``, which must not exist.

        Raises:
            TooLarge: More bytes than the limit, or than an honest archive of that size holds.
        """
        with path.open("xb") as stream:
            for chunk in chunks:
                self.spend(len(chunk))
                stream.write(chunk)

    def spend(self, count: int) -> None:
        """Count ``count`` bytes."""
        self._written += count
        if self._written > self._limits.disk:
            raise TooLarge(
                f"the upload unpacks to more than {self._limits.disk} bytes",
                hint="Raise the disk limit, or send a smaller model.",
            )
        if self._written > self._allowance:
            raise TooLarge(
                f"the archive unpacks to more than {RATIO} times its size",
                hint="Send the model itself, not packed.",
            )

"""The pickle walker beside Python's own unpickler: whatever that asks for, ours has named.

The unpickler runs with a ``find_class`` that gives inert objects, so nothing is imported.
"""

from __future__ import annotations

import contextlib
import io
import pickle
from typing import Any, ClassVar

from modelport_plugins.pytorch.pickle_globals import UNRESOLVED, walk


class Inert:
    """Stands for every class and function; takes whatever is done with it."""

    def __init__(self, *_args: Any, **_named: Any) -> None:
        self.kept: list[Any] = []

    def __call__(self, *_args: Any, **_named: Any) -> Inert:
        return Inert()

    def __setstate__(self, _state: Any) -> None:
        return

    def __setitem__(self, _key: Any, _value: Any) -> None:
        return

    def append(self, _item: Any) -> None:
        """Take an item."""


class Watched(pickle._Unpickler):  # type: ignore[name-defined]  # no stub names it
    """Python's own unpickler, which only tells what it would import.

    The one in Python: a memo index of 2**31 makes the one in C reserve as many places.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self.asked: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        """Note the name; give the object that stands for everything."""
        self.asked.add(f"{module}.{name}")
        return Inert

    def persistent_load(self, _pid: Any) -> Any:
        """Give the object that stands for everything."""
        return Inert()

    def get_extension(self, _code: int) -> None:
        """Note that a name is asked for which only the reader's own registry knows."""
        self.asked.add(UNRESOLVED)
        self.append(Inert)

    def small(self) -> None:
        """Refuse BYTEARRAY8, which makes room for its length before it reads."""
        raise pickle.UnpicklingError("too large")

    dispatch[pickle.BYTEARRAY8[0]] = small


def target(data: bytes) -> None:
    """Walk, and compare the names with those that unpickling asks for."""
    seen = walk(data)
    assert seen.end <= len(data)
    real = Watched(data)
    with contextlib.suppress(Exception):  # a broken pickle ends here; what it asked for counts
        real.load()
    missed = real.asked - set(seen.names)
    assert not missed or seen.broken or UNRESOLVED in seen.names, f"the walk missed {missed}"

"""Ctrl-C: the first one asks the conversion to end, the second ends the program."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def cancelled_by_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set; the sandbox then kills the whole tree."""
    event = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        del number, frame
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = {one: signal.signal(one, asked) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

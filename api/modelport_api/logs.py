"""The service's log: one record never looks like two, and no terminal obeys what is in it."""

from __future__ import annotations

import copy
import logging
from typing import Any

from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import AccessFormatter, DefaultFormatter

from modelport.text import plain

FORMAT = "%(levelname)s: %(name)s: %(message)s"


def guarded(text: str) -> str:
    """Return a record with every further line marked as belonging to the first."""
    first, *more = text.split("\n")
    return "\n".join([plain(first), *(f"  | {plain(line)}" for line in more)])


class Lines(logging.Formatter):
    """Any logger's format, guarded."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return guarded(super().format(record))


class ServerLines(DefaultFormatter):
    """The server's own format, guarded."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return guarded(super().format(record))


class AccessLines(AccessFormatter):
    """The server's format of requests, guarded."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return guarded(super().format(record))


def configuration() -> dict[str, Any]:
    """Return what the server's logs are configured with."""
    found: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    for name, formatter in (("default", ServerLines), ("access", AccessLines)):
        found["formatters"][name] |= {"()": formatter, "use_colors": False}
    found["formatters"]["lines"] = {"()": Lines, "fmt": FORMAT}
    found["handlers"]["lines"] = {
        "class": "logging.StreamHandler",
        "formatter": "lines",
        "stream": "ext://sys.stderr",
    }
    found["root"] = {"handlers": ["lines"], "level": "WARNING"}
    return found

"""The service's log: one record never looks like two, and no terminal obeys what is in it.

Records carry the id of the request that they belong to; no key, no body, no query of a request.
"""

from __future__ import annotations

import copy
import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import AccessFormatter, DefaultFormatter

from modelport.text import plain

FORMAT = "%(levelname)s: %(name)s: %(message)s"
REQUEST: ContextVar[str] = ContextVar("request", default="")
"""Id of the request that is being answered, or ""."""
ACCESS = 5  # arguments of the server's record of a request: client, method, path, version, status


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
    """The server's format of requests, guarded, without the query, which names files."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return guarded(super().format(_bare(record)))


class Objects(logging.Formatter):
    """One JSON object a record, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told: dict[str, Any] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **getattr(record, "told", {}),
        }
        if request := REQUEST.get():
            told["request"] = request
        arguments = _bare(record).args
        if record.name == "uvicorn.access" and isinstance(arguments, tuple):
            names = ("client", "method", "path", "version", "status")
            told |= dict(zip(names, arguments, strict=False))
        else:
            told["message"] = plain(record.getMessage())
        if record.exc_info:
            told["trace"] = [
                plain(line) for line in self.formatException(record.exc_info).split("\n")
            ]
        return json.dumps(told, default=str)


def _bare(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record of a request with the path alone; any other as it is."""
    if record.name != "uvicorn.access" or not isinstance(record.args, tuple):
        return record
    if len(record.args) != ACCESS:
        return record
    found = copy.copy(record)
    client, method, path, *more = record.args
    found.args = (client, method, str(path).partition("?")[0], *more)
    return found


def configuration(form: str = "text") -> dict[str, Any]:
    """Return what the logs of a process are configured with; ``form`` is text or json."""
    found: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    for name, formatter in (("default", ServerLines), ("access", AccessLines)):
        if form == "json":
            found["formatters"][name] = {"()": Objects}
        else:
            found["formatters"][name] |= {"()": formatter, "use_colors": False}
    lines = {"()": Objects} if form == "json" else {"()": Lines, "fmt": FORMAT}
    found["formatters"]["lines"] = lines
    found["handlers"]["lines"] = {
        "class": "logging.StreamHandler",
        "formatter": "lines",
        "stream": "ext://sys.stderr",
    }
    found["root"] = {"handlers": ["lines"], "level": "WARNING"}
    found["loggers"]["modelport"] = {"level": "INFO"}
    return found

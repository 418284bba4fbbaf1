"""What the command line says, and which status it ends with, when something failed."""

from __future__ import annotations

import sys
from typing import TextIO

from modelport.errors import (
    Cancelled,
    HouseError,
    InputError,
    ModelportError,
    ResourceError,
    RouteError,
    StepError,
)
from modelport.text import plain

CONVERTED, REFUSED, USAGE, DIFFERENT, UNPROVEN, OUR_FAULT, LIMIT = range(7)
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

STATUS: dict[type[ModelportError], int] = {
    ModelportError: OUR_FAULT,
    InputError: REFUSED,
    RouteError: REFUSED,
    StepError: REFUSED,
    ResourceError: LIMIT,
    HouseError: OUR_FAULT,
    Cancelled: INTERRUPTED,
}


def exit_status(error: ModelportError) -> int:
    """Return the status of the nearest class in the table."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def verdict_status(verdict: str, *, require_verified: bool) -> int:
    """Return the status of a conversion that gave a result."""
    if verdict == "different":
        return DIFFERENT
    return UNPROVEN if require_verified and verdict != "verified" else CONVERTED


def tell(error: ModelportError, stream: TextIO | None = None) -> None:
    """Say on standard error what failed, why, and what to do."""
    out = stream or sys.stderr
    where = f" [{error.step}]" if error.step else ""
    print(plain(f"modelport: {error.title}: {error}{where} ({error.code})"), file=out)
    if error.operators:
        names = ", ".join(f"{name} ({count})" for name, count in error.operators.items())
        print(plain(f"  operators: {names}"), file=out)
    if error.hint:
        print(plain(f"  what to do: {error.hint}"), file=out)

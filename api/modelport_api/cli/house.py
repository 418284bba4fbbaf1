"""Opens the core for one command, with the limits that the user gave."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelport.engine import House


def open_house(
    *,
    timeout: float | None = None,
    memory: int | None = None,
    threads: int | None = None,
    insecure: bool = False,
) -> House:
    """Return the house of this machine; what is not given comes from what the machine has."""
    from modelport.engine import House  # noqa: PLC0415  # --help must not wait for it
    from modelport.sandbox import default_limits  # noqa: PLC0415  # likewise

    given = {
        "seconds": timeout,
        "memory": memory,
        "threads": threads,
    }
    limits = dataclasses.replace(
        default_limits(Path(tempfile.gettempdir())),
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]  # each of its own type
    )
    return House.open(limits=limits, insecure=insecure)


@contextmanager
def workplace() -> Iterator[Path]:
    """Give a temporary folder that is gone afterwards, whatever happened."""
    from modelport import sandbox  # noqa: PLC0415  # --help must not wait for it
    from modelport_api import secrecy  # noqa: PLC0415  # likewise

    secrecy.withdraw()
    with sandbox.workplace() as folder:
        yield folder

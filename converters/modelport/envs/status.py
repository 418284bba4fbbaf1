"""What is known of an environment without running anything: its state, and why."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

MISSING, BUILDING, READY, BROKEN = "missing", "building", "ready", "broken"
READY_FILE = "ready.json"


@dataclass(frozen=True)
class Status:
    """Whether an environment can be used, and if not, why and what to do.

    Attributes:
        state: ``missing`` (never built, or its builder was killed), ``building``, ``ready``, or
            ``broken`` (its last build or its last check failed).
        root: Its folder, built or not.
        reason: Why it is not ready; "" where it is.
        command: What builds or mends it; "" where there is nothing to do.
        size: Bytes of its files; 0 until it is built.
        shared: Bytes among them that another environment already held when it was built.
    """

    name: str
    state: str
    root: Path
    python: str
    reason: str = ""
    command: str = ""
    size: int = 0
    shared: int = 0

    @property
    def ready(self) -> bool:
        """Whether conversions can use it."""
        return self.state == READY


def note(folder: Path) -> Path:
    """Return where the reason stands that the environment in ``folder`` is broken.

    Beside the folder, not in it: a build may fail before there is one.
    """
    return folder.parent / f".{folder.name}.broken"


def condemn(folder: Path, reason: str) -> None:
    """Write down why the environment in ``folder`` is broken, where that can be written."""
    with contextlib.suppress(OSError):
        part = note(folder).with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps({"reason": reason}), "utf-8")
        part.replace(note(folder))


def acquit(folder: Path) -> None:
    """Forget that the environment in ``folder`` was broken."""
    with contextlib.suppress(OSError):
        note(folder).unlink(missing_ok=True)


def condemned(folder: Path) -> str:
    """Return why the environment in ``folder`` is broken; "" if it is not known to be."""
    try:
        return str(json.loads(note(folder).read_text("utf-8"))["reason"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return "the reason of its failure cannot be read"

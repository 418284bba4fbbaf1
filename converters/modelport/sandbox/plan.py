"""What the launcher tells the supervisor, and the supervisor the stage: one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from modelport.sandbox.limits import Limits


@dataclass(frozen=True)
class Plan:
    """One launch.

    Attributes:
        argv: Program and arguments; the program by its absolute path.
        job: The job folder, free of symlinks.
        readable: Further files and folders that the job may read.
        environment: Variables beside those that every job gets.
        landlock: ABI to rely on; 0 leaves it out.
        seccomp: Whether to install the filter.
        bubblewrap: Path of a ``bwrap`` that works, or "".
        identities: Whether user ids can be lent to jobs.
        cgroups: Whether control groups can be made.
        uid: User id lent to the job; None: it keeps the service's.
        tasks: RLIMIT_NPROC, which counts all tasks of the job's user.
    """

    argv: tuple[str, ...]
    job: str
    readable: tuple[str, ...]
    limits: Limits
    environment: Mapping[str, str]
    landlock: int
    seccomp: bool
    bubblewrap: str
    identities: bool
    cgroups: bool
    uid: int | None = None
    tasks: int = 0

    def to_json(self) -> str:
        """Return the plan as one line."""
        return json.dumps(asdict(self))


def from_json(text: str) -> Plan:
    """Return the plan that ``to_json`` wrote."""
    fields = json.loads(text)
    fields["limits"] = Limits(**fields["limits"])
    fields["argv"] = tuple(fields["argv"])
    fields["readable"] = tuple(fields["readable"])
    return Plan(**fields)

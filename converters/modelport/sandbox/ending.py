"""How a job ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ending:
    """How a job ended, and under what protection it ran.

    Attributes:
        status: ``exit``, ``signal``, ``timed-out``, ``out-of-memory``, ``disk-full``,
            ``too-many-files``, ``too-many-processes``, ``cancelled`` or ``refused``
            (it never ran; the reasons lead ``degraded``).
        code: Exit status; None unless it ended by itself.
        signal: ``SIGSEGV`` or the like, where a signal ended it; else "".
        seconds: Wall-clock time from start to end.
        cpu_seconds: User and system time of the whole tree.
        peak_memory: Bytes: the larger of the polled peak of the whole tree and the largest
            resident set of one process (which counts mapped files too).
        layers: What was in force: ``landlock`` (ABI), ``seccomp``, ``bubblewrap``, ``uid``,
            ``cgroups``.
        degraded: A sentence for every layer that was not.
        leftover: Processes of the job that could not be killed; 0 unless something is wrong.
    """

    status: str
    code: int | None
    signal: str
    seconds: float
    cpu_seconds: float
    peak_memory: int
    layers: Mapping[str, Any]
    degraded: tuple[str, ...]
    leftover: int

"""Every attempt, by area. What a hostile model may try beyond these belongs here first."""

from __future__ import annotations

from files import READ, WRITE
from kernel import KERNEL
from network import NETWORK
from processes import LIMITS, NAMESPACES, PROCESSES
from row import Attempt

AREAS: dict[str, list[Attempt]] = {
    "file": [*READ, *WRITE],
    "network": NETWORK,
    "process": [*PROCESSES, *NAMESPACES, *LIMITS],
    "kernel": KERNEL,
}
ATTEMPTS: dict[str, Attempt] = {row.name: row for area in AREAS.values() for row in area}

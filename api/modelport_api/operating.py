"""What goes over the wire to those who operate the service."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """Whether the process is up."""

    status: Literal["up"]


class Readiness(BaseModel):
    """Whether conversions can run, what is missing if not, and the state of the sandbox."""

    ready: bool
    checks: dict[str, bool]
    reasons: list[str]
    layers: dict[str, bool | int]
    degraded: list[str]

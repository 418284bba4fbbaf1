"""The house as a value: its plugins, environments and limits, opened once a process."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from modelport.envs import Envs
from modelport.registry import Registry
from modelport.sandbox import Limits, default_limits


def home_folder() -> Path:
    """Return where modelport keeps environments, caches and jobs.

    ``MODELPORT_HOME`` if it is set, else ``modelport`` in the user's data folder
    (XDG base directory specification 0.8).
    """
    if home := os.environ.get("MODELPORT_HOME"):
        return Path(home).expanduser().resolve()
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return (Path(data) / "modelport").resolve()


@dataclass(frozen=True)
class House:
    """What every conversion of this process shares.

    Attributes:
        home: Folder of caches and, by default, environments.
        limits: What one plugin call may use.
        insecure: Whether calls may run without the sandbox's bars.
        budget: Seconds after which a conversion tries no further candidate.
    """

    home: Path
    registry: Registry
    envs: Envs
    limits: Limits
    insecure: bool = False
    budget: float = 1800.0

    @classmethod
    def open(
        cls, home: Path | None = None, *, limits: Limits | None = None, insecure: bool = False
    ) -> House:
        """Load the plugins and return the house; starts nothing, builds nothing.

        ``MODELPORT_ENVS`` names another folder for environments, e.g. one in an image.
        """
        folder = (home or home_folder()).resolve()
        registry = Registry.load()
        environments = Path(os.environ.get("MODELPORT_ENVS", folder / "envs")).resolve()
        envs = Envs(environments, registry.environments)
        return cls(folder, registry, envs, limits or default_limits(), insecure)

    def with_limits(self, limits: Limits) -> House:
        """Return the same house with other limits."""
        return replace(self, limits=limits)

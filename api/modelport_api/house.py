"""Opens the core's house with the limits that the service's settings give a conversion."""

from __future__ import annotations

import dataclasses

from modelport.engine import House
from modelport.sandbox import default_limits
from modelport_api.settings import Settings


def open_house(settings: Settings) -> House:
    """Return the house under ``settings.home``; loads the plugins, starts nothing."""
    limits = dataclasses.replace(
        default_limits(settings.home),
        seconds=settings.seconds,
        memory=settings.memory,
        threads=settings.threads,
    )
    return House.open(settings.home, limits=limits, insecure=settings.insecure)

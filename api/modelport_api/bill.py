"""The bill of materials of the service itself: its packages, and those that the page is made of."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

import modelport_frontend
from modelport import __version__
from modelport.envs import bill_of

PAGE = Path(modelport_frontend.__file__).parent / "dist" / "packages.json"
NAME = "service"  # beside the names of environments, none of which may be called so


@functools.cache
def service_bill() -> str:
    """Return it as CycloneDX JSON."""
    return bill_of(Path(sys.prefix), "modelport", __version__, _page())


def _page() -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(PAGE.read_text("utf-8"))
    except FileNotFoundError:  # a page that is not built holds no packages
        return []
    return found

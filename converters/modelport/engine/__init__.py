"""The flow of one conversion through the rooms, and what the doors need of it."""

from __future__ import annotations

from modelport.engine.flow import (
    check_inputs,
    completed,
    inspect_files,
    receive,
    routes_of,
    targets,
)
from modelport.engine.house import House, home_folder
from modelport.engine.publication import Conversion
from modelport.engine.request import Request
from modelport.engine.several import convert
from modelport.engine.versions import using

__all__ = [
    "Conversion",
    "House",
    "Request",
    "check_inputs",
    "completed",
    "convert",
    "home_folder",
    "inspect_files",
    "receive",
    "routes_of",
    "targets",
    "using",
]

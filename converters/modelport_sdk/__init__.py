"""What a plugin imports, and all it may import at module level.

Standard library only, Python 3.7 syntax: this package is copied into every isolated
environment, so it must start under the oldest interpreter that any framework needs.
"""

from __future__ import annotations

from modelport_sdk.context import Context, Finished
from modelport_sdk.errors import (
    BadOption,
    CorruptModel,
    CustomOperator,
    DynamicShapeRequired,
    PluginError,
    UnsafeModel,
    UnsupportedFeature,
    UnsupportedOperator,
    WeightsOnly,
    first_line,
    mapped,
)
from modelport_sdk.plugins import (
    BASE,
    Converter,
    Format,
    Head,
    Inspector,
    NoOptions,
    Runtime,
    Weights,
    converter,
    inspector,
    option,
    runtime,
    weights,
)

PROTOCOL = 1

__all__ = [
    "BASE",
    "PROTOCOL",
    "BadOption",
    "Context",
    "Converter",
    "CorruptModel",
    "CustomOperator",
    "DynamicShapeRequired",
    "Finished",
    "Format",
    "Head",
    "Inspector",
    "NoOptions",
    "PluginError",
    "Runtime",
    "UnsafeModel",
    "UnsupportedFeature",
    "UnsupportedOperator",
    "Weights",
    "WeightsOnly",
    "converter",
    "first_line",
    "inspector",
    "mapped",
    "option",
    "runtime",
    "weights",
]

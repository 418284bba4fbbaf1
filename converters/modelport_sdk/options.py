"""Turns JSON values into a plugin's options dataclass, and the dataclass into a schema."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Dict, List, Mapping

from modelport_sdk.errors import BadOption

SHOWN = 100  # characters of a value in a message
TRUE, FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def schema(cls: Any) -> List[Dict[str, Any]]:
    """Return one entry an option: name, type, default, help and limits.

    Types are ``bool``, ``int``, ``float``, ``str`` and ``list``.
    """
    entries = []
    for field in dataclasses.fields(cls):
        limits = {key: value for key, value in field.metadata.items() if key != "help"}
        default: Any = field.default
        kind = type(default).__name__
        if isinstance(default, tuple):
            kind, default = "list", list(default)
        entries.append(
            {
                "name": field.name,
                "type": kind,
                "default": default,
                "help": field.metadata.get("help", ""),
                **limits,
            }
        )
    return entries


def build(cls: Any, values: Mapping[str, Any]) -> Any:
    """Return ``cls`` with ``values``; text from a command line is read by the default's type.

    Raises:
        BadOption: Unknown name, wrong type, or outside the option's limits.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        known = ", ".join(sorted(fields)) or "none"
        raise BadOption("unknown option %s" % _shown(unknown[0]), hint="Known options: %s." % known)
    return cls(**{name: _value(fields[name], value) for name, value in values.items()})


def _value(field: Any, value: Any) -> Any:
    try:
        result = _typed(field.default, value)
    except (TypeError, ValueError, OverflowError):
        kind = type(field.default).__name__
        raise BadOption(
            "option %s: %s is no %s" % (field.name, _shown(value), kind),
            hint=field.metadata["help"],
        ) from None
    limits = field.metadata
    low, high = limits.get("ge"), limits.get("le")
    if (low is not None and result < low) or (high is not None and result > high):
        told = (field.name, _shown(value), low, high)
        raise BadOption("option %s: %s is outside %s to %s" % told)
    if "choices" in limits and result not in limits["choices"]:
        choices = ", ".join(map(str, limits["choices"]))
        raise BadOption("option %s: %s is none of: %s" % (field.name, _shown(value), choices))
    return result


def _typed(default: Any, value: Any) -> Any:
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        word = str(value).lower()
        if word in TRUE or word in FALSE:
            return word in TRUE
        raise ValueError(value)
    if isinstance(default, tuple):
        items = tuple(value.split(",") if isinstance(value, str) else value)
        for item in items:
            _check_text(item)
        return items
    if isinstance(default, (int, float)) and isinstance(value, bool):
        raise TypeError(value)
    if isinstance(default, int) and isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    if isinstance(default, str):
        _check_text(value)
    result = type(default)(value)
    if isinstance(result, float) and not math.isfinite(result):
        raise ValueError(value)  # NaN is inside every limit
    return result


def _check_text(value: Any) -> None:
    """Raise TypeError for what is no text, ValueError for one that no file and no page takes."""
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode("utf-8")  # JSON may hold lone surrogates


def _shown(value: Any) -> str:
    """Return the value as it stands in a message: short, whatever was sent."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = "a number"
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."

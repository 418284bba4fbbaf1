"""Tries one route: each converter in turn, each result handed to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport import errors
from modelport.engine.bench import Bench
from modelport.engine.mapping import compose
from modelport.model import Artifact, Attempt, Mapped, Stage, Step
from modelport.planner import Route
from modelport_sdk.errors import PluginError
from modelport_sdk.options import build, schema

FATAL = (
    errors.InputError,
    errors.BadOption,
    errors.Cancelled,
    errors.SandboxRefused,
)
"""What no other candidate can mend: these end the conversion."""

LOSSY = ("float32", "float16", "int8")
"""Precisions from best to worst; a route has the worst of its steps."""


@dataclass(frozen=True)
class Ask:
    """What the user set, as far as converters see it."""

    name: str
    options: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    calibration: Path | None = None


def check_options(routes: Sequence[Route], options: Mapping[str, Any]) -> None:
    """Refuse an option that no converter of any route knows, or a value it would refuse.

    Raises:
        BadOption: With the options that there are.
    """
    converters = {c.id: c for route in routes for c in route}
    known = {entry["name"] for c in converters.values() for entry in schema(c.options)}
    for name in options:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise errors.BadOption(
                f"no converter on the way has an option {name[:100]}", hint=f"Options: {listed}."
            )
    for converter in converters.values():
        try:
            build(converter.options, _own(converter.options, options))
        except PluginError as exc:
            raise errors.BadOption(str(exc), hint=exc.hint, step=converter.id) from exc


def _own(cls: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of ``options`` that a converter with this options class knows."""
    names = {entry["name"] for entry in schema(cls)}
    return {name: value for name, value in options.items() if name in names}


def attempt(bench: Bench, source: Artifact, start: Mapped, route: Route, ask: Ask) -> Attempt:
    """Convert along ``route``; an error that another route may avoid becomes part of the value.

    Raises:
        ModelportError: One of ``FATAL``.
    """
    here, mapped, precision = source, start, LOSSY[0]
    steps: list[Step] = []
    trail: list[Stage] = []
    ids = tuple(converter.id for converter in route)
    try:
        for converter in route:
            trail.append(Stage(here, mapped, precision))
            here, step, declared, kept = bench.convert(
                converter,
                here,
                name=ask.name,
                options=_own(converter.options, ask.options),
                shapes=renamed(ask.shapes, mapped),
                calibration=ask.calibration,
            )
            steps.append(step)
            mapped = compose(mapped, declared)
            precision = max(precision, kept, key=LOSSY.index) if kept in LOSSY else kept
    except FATAL as exc:
        # A step's own output that the next step cannot read is no fault of the upload.
        if not steps or not isinstance(exc, errors.InputError):
            raise
        return Attempt(ids, tuple(steps), exc.to_json())
    except errors.ModelportError as exc:
        return Attempt(ids, tuple(steps), exc.to_json())
    return Attempt(ids, tuple(steps), {}, None, here, mapped, precision, tuple(trail))


def renamed(shapes: Mapping[str, tuple[int, ...]], mapped: Mapped) -> dict[str, tuple[int, ...]]:
    """Return ``shapes`` under the names, and in the layout, that the inputs have by now."""
    result = {}
    for port in mapped.inputs:
        if port.target is not None and port.source in shapes:
            shape = shapes[port.source]
            turned = port.axes and len(port.axes) == len(shape)  # else the runtime will say so
            result[port.target] = tuple(shape[axis] for axis in port.axes) if turned else shape
    return result

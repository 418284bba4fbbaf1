"""What a model of one format can become, with options and availability, for doors to list."""

from __future__ import annotations

from typing import Any

from modelport import planner
from modelport.engine.house import House
from modelport_sdk.options import schema


def offers(format: str, house: House) -> list[dict[str, Any]]:
    """Return one entry a target: routes, options of the best one, and whether it can run now."""
    converters = house.registry.converters.values()
    return [_offer(format, target, house) for target in planner.targets(format, converters)]


def _offer(source: str, target: str, house: House) -> dict[str, Any]:
    routes = planner.plan(source, target, house.registry.converters.values())
    states = {c.env: house.envs.status(c.env) for route in routes for c in route}
    usable = [route for route in routes if all(states[c.env].ready for c in route)]
    missing = next((state for state in states.values() if not state.ready), None)
    reason = ""
    if not usable and missing is not None:
        reason = f"environment {missing.name} is not ready: {missing.reason}"
    format, variant = planner.split(target)
    last = (usable or list(routes))[0][-1]
    return {
        "target": target,
        "format": format,
        "variant": variant,
        "title": last.title if variant else house.registry.formats[format].title,
        "available": bool(usable),
        "reason": reason,
        "routes": [[c.id for c in route] for route in routes],
        "converter": last.id,
        "options": _options(usable or list(routes)),
    }


def _options(routes: list[planner.Route]) -> list[dict[str, Any]]:
    """Return every option of any candidate once; the best route's help wins."""
    found: dict[str, dict[str, Any]] = {}
    for route in routes:
        for converter in reversed(route):
            for entry in schema(converter.options):
                found.setdefault(entry["name"], entry)
    return list(found.values())

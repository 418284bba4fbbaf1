"""Other versions of one tool, side by side: which environment runs a converter for TOOL@VERSION.

An environment named ``TOOL@VERSION`` says which converters it serves in place of their own
environment. The version that a converter uses anyhow is asked for by the same name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from modelport import planner
from modelport.engine.house import House
from modelport.errors import BadOption, NoRoute
from modelport.planner import Route


def offered(house: House) -> dict[str, list[str]]:
    """Return the names that ``resolve`` knows, by tool: ``TOOL@VERSION``, sorted."""
    found: dict[str, set[str]] = {}
    for tool, served in _tools(house).items():
        own = {_pin(tool, house.registry.converters[one].env, house) for one in served}
        others = {e.name for e in house.registry.environments.values() if _tool(e.name) == tool}
        found[tool] = {name for name in own | others if name}
    return {tool: sorted(names) for tool, names in sorted(found.items())}


def resolve(name: str, house: House) -> Mapping[str, str]:
    """Return the environment that runs each converter concerned, by the converter's id.

    Raises:
        BadOption: There is no such tool or version; the hint lists those there are.
    """
    tool, environments = _tool(name), house.registry.environments
    if "@" in name and name in environments:
        return dict.fromkeys(_served(environments[name].serves, house), name)
    served = _tools(house).get(tool, ())
    own = {one: house.registry.converters[one].env for one in served}
    kept = {one: env for one, env in own.items() if name == _pin(tool, env, house)}
    if kept:
        return kept
    listed = ", ".join(one for names in offered(house).values() for one in names)
    raise BadOption(
        f"no version {name[:100]} is offered", hint=f"Versions: {listed or 'none here'}."
    )


def using(house: House, names: Iterable[str]) -> House:
    """Return the house in which ``names`` run the converters that they are for.

    Raises:
        BadOption: One of them is not offered.
    """
    registry = house.registry
    converters, refs = dict(registry.converters), dict(registry.refs)
    for name in names:
        for one, environment in resolve(name, house).items():
            twin = dataclasses.replace(converters[one], env=environment)
            refs[id(twin)] = registry.ref(registry.converters[one])
            converters[one] = twin
    changed = dataclasses.replace(registry, converters=converters, refs=refs)
    return dataclasses.replace(house, registry=changed)


def planned(source: str, target: str, house: House, names: Iterable[str]) -> tuple[Route, ...]:
    """Return the routes that pass through every tool of ``names``, best first.

    Raises:
        NoRoute: There is none; the hint says what a version is of.
        BadOption: One of ``names`` is not offered.
    """
    routes = planner.plan(source, target, house.registry.converters.values())
    for name in names:
        wanted = set(resolve(name, house))
        routes = tuple(route for route in routes if wanted & {one.id for one in route})
        if not routes:
            raise NoRoute(
                f"no route from {source} to {target} uses {_tool(name)}",
                hint=f"{name} is for: {', '.join(sorted(wanted))}.",
            )
    return routes


def _tool(name: str) -> str:
    return name.partition("@")[0]


def _tools(house: House) -> dict[str, tuple[str, ...]]:
    """Return the converters of each tool that has another version."""
    found: dict[str, tuple[str, ...]] = {}
    for environment in house.registry.environments.values():
        tool, at, _ = environment.name.partition("@")
        if at:
            served = (*found.get(tool, ()), *_served(environment.serves, house))
            found[tool] = tuple(dict.fromkeys(served))
    return found


def _served(ids: Iterable[str], house: House) -> tuple[str, ...]:
    return tuple(one for one in ids if one in house.registry.converters)


def _pin(tool: str, environment: str, house: House) -> str:
    """Return TOOL@VERSION as an environment pins it; "" if it does not."""
    known = house.registry.environments.get(environment)
    pins = (pin.partition("==") for pin in (known.requires if known else ()))
    return next((f"{tool}@{version}" for name, _, version in pins if name == tool), "")

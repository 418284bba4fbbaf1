"""Chooses chains of converters; pure, so that it can be tested on a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelport.errors import NoRoute
from modelport_sdk import Converter

Route = tuple[Converter, ...]

WEIGHTS = "weights"
MAX_EDGES = 3
"""Longest chain of formats: beyond source, hub and one more step, errors only add up."""


def split(target: str) -> tuple[str, str]:
    """Return format and variant of ``"onnx.fp16"``; the variant may be ""."""
    format, _, variant = target.partition(".")
    return format, variant


def plan(
    source: str, target: str, converters: Iterable[Converter], *, limit: int = 8
) -> tuple[Route, ...]:
    """Return up to ``limit`` chains, by summed cost, then by length, then by ids.

    ``target`` is a format, or ``"format.variant"`` where the last converter has to be
    that variant. A repair may stand in front of each edge, one at a time; a pass is
    used only when the target names it, or when source and target are one format. What
    moves weights alone is chained with its like only: behind it there is no graph.

    Raises:
        NoRoute: No chain exists; the hint names what ``source`` can reach.
    """
    table = sorted(_offered(converters), key=lambda converter: converter.id)
    format, variant = split(target)
    if format == source and not variant:
        routes: set[Route] = {
            (c,) for c in table if c.source == source == c.target and c.role == "repair"
        }
    else:
        routes = {route for route in _walks(source, table) if _ends(route, format, variant)}
    if not routes:
        reachable = ", ".join(targets(source, table)) or "nothing"
        raise NoRoute(
            f"no route from {source} to {target}", hint=f"From {source} one can reach: {reachable}."
        )
    return tuple(sorted(routes, key=_rank)[:limit])


def targets(source: str, converters: Iterable[Converter]) -> tuple[str, ...]:
    """Return every format that ``source`` can become, then every pass by name, sorted."""
    table = _offered(converters)
    formats = _reached(source, table, "edge") | _reached(source, table, WEIGHTS)
    passes = {
        f"{c.target}.{c.variant}"
        for c in table
        if c.source == source == c.target and c.variant and c.role != "edge"
    }
    return (*sorted(formats - {source}), *sorted(passes))


def _reached(source: str, table: list[Converter], role: str) -> set[str]:
    formats = {source}
    for _ in range(MAX_EDGES):  # what is farther away has no plan
        formats |= {c.target for c in table if c.source in formats and c.role == role}
    return formats


def _offered(converters: Iterable[Converter]) -> list[Converter]:
    """Return what a route may be made of: instruments are the engine's own."""
    return [converter for converter in converters if converter.role != "instrument"]


def _rank(route: Route) -> tuple[float, int, tuple[str, ...]]:
    return round(sum(c.cost for c in route), 6), len(route), tuple(c.id for c in route)


def _ends(route: Route, format: str, variant: str) -> bool:
    last = route[-1]
    if last.role == "repair" and not variant:
        return False
    return last.target == format and (not variant or last.variant == variant)


def _walks(source: str, table: list[Converter]) -> Iterator[Route]:
    """Yield every chain from ``source`` that a plan may contain, whatever its end."""
    pending: list[tuple[Route, frozenset[str], str]] = [((), frozenset({source}), source)]
    while pending:
        route, visited, here = pending.pop()
        if route:
            yield route
        if route and route[-1].role == "pass":
            continue
        for converter in table:
            if converter.source != here or not _of_a_kind(route, converter):
                continue
            if converter.target == here:
                if not route or route[-1].role == "edge" or _last_pass(route, converter):
                    pending.append(((*route, converter), visited, here))
            elif converter.target not in visited and _edges(route) < MAX_EDGES:
                reached = visited | {converter.target}
                pending.append(((*route, converter), reached, converter.target))


def _of_a_kind(route: Route, converter: Converter) -> bool:
    return not route or (route[-1].role == WEIGHTS) == (converter.role == WEIGHTS)


def _last_pass(route: Route, converter: Converter) -> bool:
    return converter.role == "pass" and route[-1].role == "repair"


def _edges(route: Route) -> int:
    return sum(converter.role in {"edge", WEIGHTS} for converter in route)

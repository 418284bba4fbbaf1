"""The environments that a conversion needs and lacks, and their building where asked for."""

from __future__ import annotations

from modelport import planner
from modelport.engine import versions
from modelport.engine.bench import Bench
from modelport.engine.house import House
from modelport.envs import News
from modelport.errors import Cancelled, NoRoute


def needed(source: str, target: str, house: House, using: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what must be built to convert and to verify, in that order; nothing where all is.

    Where no route can run now, the best one is meant. Runtimes and readers of both formats
    are wanted too: without them a result is converted, and nothing proved.
    """
    registry = house.registry
    try:
        routes = versions.planned(source, target, house, using)
    except NoRoute:  # the flow says so, when it has looked at the model
        return ()
    states = {c.env: house.envs.status(c.env).ready for route in routes for c in route}
    usable = any(all(states[c.env] for c in route) for route in routes)
    wanted = [] if usable else [converter.env for converter in routes[0]]
    formats = (source, planner.split(target)[0])
    for table in (registry.inspectors, registry.runtimes, registry.weights):
        wanted += [table[format].env for format in formats if format in table]
    known = [name for name in dict.fromkeys(wanted) if name in house.envs.known]
    return tuple(name for name in known if not house.envs.status(name).ready)


def build(bench: Bench, source: str, target: str, using: tuple[str, ...] = ()) -> None:
    """Build what a conversion needs and lacks; each step is observed as ``environment``.

    Raises:
        EnvironmentBroken: One could not be built.
        Cancelled: The user asked for the end; nothing half-built counts as ready.
    """

    def say(news: News) -> None:
        if bench.cancel is not None and bench.cancel.is_set():
            raise Cancelled("cancelled while an environment was being built")
        bench.observe("environment", news.fraction, news.removeprefix("environment "))

    for name in needed(source, target, bench.house, using):
        bench.house.envs.build(name, say)

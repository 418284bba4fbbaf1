"""``modelport routes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from modelport_api.cli import parameters
from modelport_api.cli.listing import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelport.envs import Status
    from modelport.planner import Route


@click.command()
@click.option("--from", "source", required=True, metavar="FORMAT", help="Format to start from.")
@click.option("--to", "target", required=True, metavar="FORMAT", help="Format or pass to end at.")
@parameters.as_json
def routes(*, source: str, target: str, as_json: bool) -> None:
    """List the chains of converters from one format to another, in the order they are tried.

    \b
    Example:
      modelport routes --from torchscript --to ncnn
    """  # noqa: D301  # \b tells click to keep the lines
    from modelport import planner  # noqa: PLC0415  # --help must not wait for it
    from modelport.engine import House  # noqa: PLC0415  # likewise

    house = House.open()
    found = planner.plan(source, target, house.registry.converters.values())
    states = {one.env: house.envs.status(one.env) for route in found for one in route}
    missing = {name: state for name, state in states.items() if not state.ready}
    if as_json:
        print_json({"routes": [_listed(route, missing) for route in found]})
        return
    rows = [(f"{_cost(route):g}", _environments(route), " > ".join(_ids(route))) for route in found]
    print_table([("COST", "ENVIRONMENTS", "CONVERTERS"), *rows])
    for name, state in missing.items():
        print(f"\nenvironment {name}: {state.reason}; its routes are unavailable until you run")
        print(f"  {state.command}")


def _listed(route: Route, missing: Mapping[str, Status]) -> dict[str, Any]:
    lacking = [one.env for one in route if one.env in missing]
    commands = [missing[name].command for name in dict.fromkeys(lacking)]
    available = not lacking
    return {
        "converters": _ids(route), "cost": _cost(route), "available": available,
        "commands": commands,
    }  # fmt: skip


def _ids(route: Route) -> list[str]:
    return [one.id for one in route]


def _cost(route: Route) -> float:
    return round(sum(one.cost for one in route), 3)


def _environments(route: Route) -> str:
    return " ".join(sorted({one.env for one in route}))

"""What the service can do: formats, converters, routes, limits."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from modelport import planner
from modelport.engine import House
from modelport_api import builds, schemas
from modelport_api.desk import OurDesk
from modelport_sdk import Converter
from modelport_sdk.options import schema

router = APIRouter(tags=["catalogue"])
Json = dict[str, Any]


@router.get("/formats", response_model=schemas.Formats)
def list_formats(desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """List the formats: which can be read, written, and run for verification."""
    registry = desk.house.registry
    sources = {converter.source for converter in registry.converters.values()}
    written = {converter.target for converter in registry.converters.values()}
    entries = [
        {
            "id": format.id,
            "title": format.title,
            "main": format.main,
            "parts": list(format.parts),
            "read": format.id in sources,
            "write": format.id in written,
            "runtime": format.id in registry.runtimes,
        }
        for format in sorted(registry.formats.values(), key=lambda format: format.id)
    ]
    return {"formats": entries}


@router.get("/converters", response_model=schemas.Converters)
def list_converters(desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """List the converters with their options, and why one cannot be used at the moment."""
    house = desk.house
    found = sorted(house.registry.converters.values(), key=lambda converter: converter.id)
    return {"converters": [_converter(house, converter) for converter in found]}


@router.get("/routes", response_model=schemas.Routes)
def list_routes(
    desk: OurDesk,
    source: Annotated[str, Query(min_length=1, max_length=200)],
    target: Annotated[str, Query(min_length=1, max_length=200)],
) -> Any:  # noqa: ANN401  # the schema checks it
    """List the chains of converters from one format to another, best first."""
    routes = planner.plan(source, target, desk.house.registry.converters.values())
    entries = [
        {"converters": [c.id for c in route], "cost": sum(c.cost for c in route)}
        for route in routes
    ]
    return {"routes": entries}


@router.get("/limits", response_model=schemas.Limits)
def get_limits(desk: OurDesk) -> Any:  # noqa: ANN401  # the schema checks it
    """Show what an upload and a conversion may use."""
    return {name: getattr(desk.settings, name) for name in schemas.Limits.model_fields}


def _converter(house: House, converter: Converter) -> Json:
    status = house.envs.status(converter.env)
    reason = "" if status.ready else f"environment {converter.env} is not ready: {status.reason}"
    names = ("id", "source", "target", "variant", "title", "role", "cost")
    return {
        **{name: getattr(converter, name) for name in names},
        "environment": converter.env,
        "available": status.ready,
        "reason": builds.pathless(reason),
        "options": schema(converter.options),
    }

"""``modelport settings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from modelport_api.cli import parameters
from modelport_api.cli.listing import print_json, print_table

if TYPE_CHECKING:
    from modelport_api.settings import Settings


@click.command()
@parameters.as_json
def settings(*, as_json: bool) -> None:
    """List every setting of the service: its value, where that comes from, what it does.

    Settings are environment variables (MODELPORT_PORT=9000) or lines of one TOML file
    (port = 9000): MODELPORT_CONFIG, else modelport.toml in MODELPORT_HOME. Secrets are not shown.
    """
    from modelport_api.settings import WrongSettings, load  # noqa: PLC0415  # --help must not wait

    try:
        found = rows(load())
    except WrongSettings as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json({"settings": found})
        return
    table = [("SETTING", "VALUE", "FROM", "")]
    table += [(row["name"], shown(row["value"]), row["origin"], row["help"]) for row in found]
    print_table(table)


def rows(settings: Settings) -> list[dict[str, Any]]:
    """Return one entry a setting."""
    from modelport_api.settings import origin, variable  # noqa: PLC0415  # likewise

    values = settings.model_dump(mode="json")
    return [
        {
            "name": name,
            "variable": variable(name),
            "value": values[name],
            "origin": origin(name),
            "help": (field.description or "").replace("``", ""),
        }
        for name, field in type(settings).model_fields.items()
    ]


def shown(value: object) -> str:
    """Return a value as a cell of the table."""
    if value is None:
        return "-"
    return " ".join(str(part) for part in value) if isinstance(value, list) else str(value)

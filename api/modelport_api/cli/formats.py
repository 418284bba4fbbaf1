"""``modelport formats``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from modelport_api.cli import parameters
from modelport_api.cli.listing import print_json, print_table

if TYPE_CHECKING:
    from modelport.registry import Registry


@click.command()
@parameters.as_json
def formats(*, as_json: bool) -> None:
    """List the formats: which are read, which are written, which can be run to verify."""
    from modelport.registry import Registry  # noqa: PLC0415  # --help must not wait for it

    found = rows(Registry.load())
    if as_json:
        print_json({"formats": found})
        return
    table = [("FORMAT", "NAME", "FILES", "READ", "WRITTEN", "RUN")]
    for row in found:
        files = " ".join((row["main"], *row["parts"]))
        marks = ["yes" if row[key] else "-" for key in ("read", "write", "runtime")]
        table.append((row["id"], row["title"], files, marks[0], marks[1], marks[2]))
    print_table(table)


def rows(registry: Registry) -> list[dict[str, Any]]:
    """Return one entry a format, as in ``GET /v1/formats``."""
    converters = registry.converters.values()
    return [
        {
            "id": one.id,
            "title": one.title,
            "main": one.main,
            "parts": list(one.parts),
            "read": any(c.source == one.id for c in converters),
            "write": any(c.target == one.id for c in converters),
            "runtime": one.id in registry.runtimes,
        }
        for one in sorted(registry.formats.values(), key=lambda one: one.id)
    ]

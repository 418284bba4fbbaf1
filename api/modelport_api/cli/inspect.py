"""``modelport inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelport.text import plain
from modelport_api.cli import parameters
from modelport_api.cli.house import open_house, workplace
from modelport_api.cli.listing import print_json, print_table

if TYPE_CHECKING:
    from modelport.engine import House
    from modelport.model import Artifact, Description


@click.command()
@parameters.files
@parameters.about_the_source
@parameters.about_the_limits
@parameters.as_json
def inspect(
    files: tuple[Path, ...],
    *,
    source: str,
    allow_pickle: bool,
    as_json: bool,
    **limits: Any,  # noqa: ANN401  # as about_the_limits reads them
) -> None:
    """Say what a model is, what is in it, and what it can become.

    \b
    Examples:
      modelport inspect squeezenet.onnx
      modelport inspect net.param net.bin --json
    """  # noqa: D301  # \b tells click to keep the lines
    from modelport import engine  # noqa: PLC0415  # --help must not wait for it

    house = open_house(**limits)
    with workplace() as work:
        artifact, description = engine.inspect_files(
            engine.completed(files, house),
            work / "inspection",
            house,
            source=source,
            consent=allow_pickle,
        )
        found = _found(artifact, description, house)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _found(artifact: Artifact, description: Description, house: House) -> dict[str, Any]:
    from modelport import planner  # noqa: PLC0415  # --help must not wait for it
    from modelport.model import jsonable  # noqa: PLC0415  # likewise

    return {
        "name": artifact.main,
        "format": artifact.format,
        "title": house.registry.formats[artifact.format].title,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "files": [{"name": n, "size": (artifact.root / n).stat().st_size} for n in artifact.files],
        "description": jsonable(description),
        "targets": list(planner.targets(artifact.format, house.registry.converters.values())),
    }


def _print(found: dict[str, Any]) -> None:
    from modelport.report.words import count, shape, size  # noqa: PLC0415  # --help must not wait

    about = found["description"]
    print(plain(f"{found['name']}: {found['title']}, {size(found['size'])}"))
    for title, value in (
        ("producer", about["producer"]),
        ("opsets", ", ".join(f"{name} {version}" for name, version in about["opsets"].items())),
        ("parameters", ", ".join(f"{count(n)} {kind}" for kind, n in about["parameters"].items())),
        ("operators", ", ".join(f"{n} x {name}" for name, n in _ranked(about["operators"]))),
        ("becomes", ", ".join(found["targets"])),
    ):
        if value:
            print(plain(f"  {title + ':':12}{value}"))
    rows = [
        (kind, one["name"], one["dtype"], shape(one["shape"]))
        for kind, key in (("input", "inputs"), ("output", "outputs"))
        for one in about[key]
    ]
    if rows:
        print()
        print_table([("", "NAME", "TYPE", "SHAPE"), *rows])


def _ranked(operators: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(operators.items(), key=lambda one: (-one[1], one[0]))

"""Options that several commands share, and the types that read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from modelport_api.cli.amount import size

Command = Callable[..., Any]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FILE_OR_FOLDER = click.Path(exists=True, path_type=Path)


def _bytes(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    del context, parameter
    return size(text) if text else None


files = click.argument("files", nargs=-1, required=True, type=FILE_OR_FOLDER, metavar="FILE...")
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, nothing else, on stdout."
)


def about_the_source(command: Command) -> Command:
    """Add the options that say how to read the model."""
    source = click.option(
        "--from",
        "source",
        default="",
        metavar="FORMAT",
        help="Format of the model, where it is not plain.",
    )
    pickle = click.option(
        "--allow-pickle",
        is_flag=True,
        help="Let code inside pickled files run, in the sandbox. For files that you trust.",
    )
    return source(pickle(command))


def about_the_limits(command: Command) -> Command:
    """Add the options that say what a step may use."""
    for one in (
        click.option(
            "--insecure", is_flag=True, help="Run although layers of the sandbox are missing."
        ),
        click.option("--threads", type=click.IntRange(1), help="CPU threads that a step may use."),
        click.option(
            "--memory", callback=_bytes, metavar="SIZE", help="Memory that a step may use: 8G."
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(1),
            metavar="SECONDS",
            help="Time that a step may take.",
        ),
    ):
        command = one(command)
    return command

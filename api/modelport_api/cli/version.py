"""``modelport version``."""

from __future__ import annotations

import click

from modelport import __version__


@click.command()
def version() -> None:
    """Show the version."""
    print(f"modelport {__version__}")

"""``modelport janitor``."""

from __future__ import annotations

import time
from dataclasses import asdict

import click

from modelport_api.cli import parameters
from modelport_api.cli.listing import print_json, print_table


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@parameters.as_json
def janitor(*, dry_run: bool, as_json: bool) -> None:
    """Delete what the service keeps no longer, as it does by itself every ten minutes.

    MODELPORT_RETENTION_SECONDS says how long models and finished conversions are kept.
    """
    from modelport_api.jobs import database  # noqa: PLC0415  # --help must not wait for it
    from modelport_api.settings import WrongSettings, load  # noqa: PLC0415  # likewise
    from modelport_api.storage.janitor import findings, sweep  # noqa: PLC0415  # likewise

    try:
        settings = load()
    except WrongSettings as error:
        raise click.UsageError(str(error)) from error
    database.migrate(settings)
    engine = database.connect(settings)
    found = findings(settings, engine, time.time())
    if not dry_run:
        sweep(settings, engine, found)
    engine.dispose()
    if as_json:
        print_json({"deleted": not dry_run, "findings": [asdict(one) for one in found]})
        return
    title = "WOULD BE DELETED" if dry_run else "DELETED"
    print_table([(title, "ID", "WHY"), *((one.kind, one.id, one.why) for one in found)])

"""``modelport serve``."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.option("--host", help="Address to listen on; 0.0.0.0 for every one.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 8000 by default.")
@click.option("--workers", type=click.IntRange(0), help="Worker processes beside the server.")
@click.option("--no-auth", is_flag=True, help="Ask for no key on other addresses than loopback.")
def serve(*, host: str | None, port: int | None, workers: int | None, no_auth: bool) -> None:
    """Start the service: the page, REST and the workers, in one command.

    \b
    Examples:
      modelport serve
      modelport serve --host 0.0.0.0 --port 9000

    What is not given comes from MODELPORT_HOST, MODELPORT_PORT and the like, or from one
    TOML file; `modelport settings` lists them all. On other addresses than loopback a key
    is made and shown at the first start.
    """  # noqa: D301  # \b tells click to keep the lines
    from modelport_api import serve as service  # noqa: PLC0415  # --help must not wait for it
    from modelport_api.settings import WrongSettings, load  # noqa: PLC0415  # likewise

    given: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    chosen = {name: value for name, value in given.items() if value is not None}
    if no_auth:
        chosen["no_auth"] = True
    try:
        settings = load(**chosen)
    except WrongSettings as error:
        raise click.UsageError(str(error)) from error
    service.serve(settings)

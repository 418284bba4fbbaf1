"""``modelport env``: the interpreters and packages that converters run in."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from modelport.silence import SILENT
from modelport_api.cli import parameters
from modelport_api.cli.listing import print_json, print_table

if TYPE_CHECKING:
    from modelport.envs import Envs

name_argument = click.argument("name")


@click.group("env")
def environment() -> None:
    """List, build and remove the environments that converters run in."""


@environment.command("list")
@parameters.as_json
def list_environments(*, as_json: bool) -> None:
    """List the environments, and which of them are built."""
    envs = _envs()
    states = [envs.status(name) for name in sorted(envs.known)]
    if as_json:
        found = [
            {
                "name": one.name,
                "python": one.python,
                "ready": one.ready,
                "size": one.size,
                "reason": one.reason,
                "command": one.command,
                "requires": list(envs.known[one.name].requires),
            }
            for one in states
        ]
        print_json({"environments": found})
        return
    from modelport.report.words import size  # noqa: PLC0415  # --help must not wait for it

    table = [("ENVIRONMENT", "PYTHON", "STATE", "SIZE", "TO BUILD IT")]
    for one in states:
        built = size(one.size) if one.ready else "-"
        state = "ready" if one.ready else one.reason
        table.append((one.name, one.python, state, built, one.command or "-"))
    print_table(table)


@environment.command()
@name_argument
def build(name: str) -> None:
    """Build an environment: the one command that uses the network.

    \b
    Example:
      modelport env build base
    """  # noqa: D301  # \b tells click to keep the lines
    envs = _envs()
    _check(envs, name)
    envs.build(name, lambda line: print(line, file=sys.stderr, flush=True))


@environment.command()
@name_argument
def sbom(name: str) -> None:
    """Print an environment's bill of materials in CycloneDX; `service` is modelport's own.

    \b
    Example:
      modelport env sbom base > base.cdx.json
    """  # noqa: D301  # \b tells click to keep the lines
    from modelport_api import bill  # noqa: PLC0415  # --help must not wait for it

    if name == bill.NAME:
        print(bill.service_bill())
        return
    envs = _envs()
    _check(envs, name)
    print(envs.bill(name))


@environment.command()
@name_argument
def remove(name: str) -> None:
    """Delete an environment; `modelport env build` makes it anew."""
    envs = _envs()
    _check(envs, name)
    envs.remove(name)


@environment.command(context_settings={"ignore_unknown_options": True})
@name_argument
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def run(name: str, words: tuple[str, ...]) -> None:
    """Run an environment's Python, with your files and outside the sandbox.

    \b
    Example:
      modelport env run base -c "import torch; print(torch.__version__)"
    """  # noqa: D301  # \b tells click to keep the lines
    envs = _envs()
    _check(envs, name)
    python = str(envs.python(name))
    variables = {**os.environ, **SILENT}
    os.execve(python, [python, *words], variables)  # noqa: S606  # the user's own command line


def _check(envs: Envs, name: str) -> None:
    if name not in envs.known:
        raise click.BadParameter(f"no environment {name!r}; there are: {', '.join(envs.known)}")


def _envs() -> Envs:
    from modelport.engine import House  # noqa: PLC0415  # --help must not wait for it

    return House.open().envs

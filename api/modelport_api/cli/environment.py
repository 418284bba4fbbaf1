"""``modelport env``: the interpreters and packages that converters run in."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from modelport.silence import SILENT
from modelport.text import plain
from modelport_api.cli import parameters
from modelport_api.cli.failure import CONVERTED, OUR_FAULT
from modelport_api.cli.listing import print_json, print_table

if TYPE_CHECKING:
    from modelport.envs import Envs, News

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
                "state": one.state,
                "ready": one.ready,
                "size": one.size,
                "shared": one.shared,
                "reason": one.reason,
                "command": one.command,
                "requires": list(envs.known[one.name].requires),
            }
            for one in states
        ]
        print_json({"environments": found})
        return
    from modelport.envs import MISSING  # noqa: PLC0415  # --help must not wait for it
    from modelport.report.words import size  # noqa: PLC0415  # likewise

    table = [("ENVIRONMENT", "PYTHON", "STATE", "SIZE", "TO BUILD IT")]
    for one in states:
        built = size(one.size) if one.ready else "-"
        state = one.state if one.ready or one.state == MISSING else f"{one.state}: {one.reason}"
        table.append((one.name, one.python, state, built, one.command or "-"))
    print_table(table)


@environment.command()
@name_argument
@parameters.as_json
def build(name: str, *, as_json: bool) -> None:
    """Build an environment, or mend a broken one: the one command that uses the network.

    With --json each step is a line of JSON on standard output, with the fraction done.

    \b
    Example:
      modelport env build base
    """  # noqa: D301  # \b tells click to keep the lines
    envs = _envs()
    _check(envs, name)
    envs.build(name, lambda news: _tell(name, news, as_json=as_json))


@environment.command()
@click.argument("names", nargs=-1)
@click.option("--repair", is_flag=True, help="Build anew what is broken.")
@click.option("--prune", is_flag=True, help="Delete environments whose pins have changed since.")
@parameters.as_json
def doctor(names: tuple[str, ...], *, repair: bool, prune: bool, as_json: bool) -> int:
    """Import what each built environment must import, and say what is wrong.

    Ends with status 5 if one of those named, or else of those built, does not work.

    \b
    Example:
      modelport env doctor oneflow --repair
    """  # noqa: D301  # \b tells click to keep the lines
    from modelport.envs import BROKEN, READY  # noqa: PLC0415  # --help must not wait for it

    envs = _envs()
    for name in names:
        _check(envs, name)
    built = (name for name in sorted(envs.known) if envs.status(name).state in {READY, BROKEN})
    chosen = names or tuple(built)
    found = []
    for name in chosen:
        if repair:
            envs.repair(name, lambda news: _tell("", news, as_json=False))
        found.append(envs.examine(name))
    old = envs.leftovers()
    for folder in old if prune else ():
        shutil.rmtree(folder, ignore_errors=True)
    kept = [] if prune else [str(folder) for folder in old]
    if as_json:
        states = [
            {"name": s.name, "state": s.state, "ready": s.ready, "reason": s.reason} for s in found
        ]
        print_json({"environments": states, "leftovers": kept})
    else:
        for state in found:
            detail = "works" if state.ready else f"{state.reason}; fix: {state.command}"
            print(plain(f"{state.name}: {detail}"))
        for line in kept:
            print(plain(f"{line}: of earlier pins; fix: modelport env doctor --prune"))
    return CONVERTED if all(state.ready for state in found) else OUR_FAULT


def _tell(name: str, news: News, *, as_json: bool) -> None:
    if as_json:
        line = {"environment": name, "fraction": round(news.fraction, 3), "text": str(news)}
        print(json.dumps(line), flush=True)
    else:
        print(news, file=sys.stderr, flush=True)


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

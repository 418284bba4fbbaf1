"""``modelport doctor``: what works on this machine, what is missing, and what mends it."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelport.errors import EnvironmentBroken
from modelport.text import plain
from modelport_api.cli import parameters
from modelport_api.cli.failure import CONVERTED, OUR_FAULT
from modelport_api.cli.house import open_house
from modelport_api.cli.listing import print_json

if TYPE_CHECKING:
    from modelport.engine import House

GIB = 2**30
LITTLE_DISK = 5 * GIB  # the environment `base` alone takes 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        needed: Whether conversions fail without it.
        fix: The command or the change that mends it; "" where nothing is to mend.
    """

    area: str
    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = False


@click.command()
@parameters.as_json
def doctor(*, as_json: bool) -> int:
    """Say what works on this machine, what is missing, and the command that mends it.

    Ends with status 0 if models can be converted, else with 5.
    """
    house = open_house()
    findings = list(examine(house))
    status = OUR_FAULT if any(one.needed and not one.ok for one in findings) else CONVERTED
    if as_json:
        print_json({"status": status, "findings": [asdict(one) for one in findings]})
        return status
    area = ""
    for one in findings:
        if one.area != area:
            area = one.area
            print(area)
        print(plain(f"  {'ok     ' if one.ok else 'missing'}  {one.name}: {one.detail}"))
        if one.fix and not one.ok:
            print(plain(f"           fix: {one.fix}"))
    print("\nready to convert" if status == CONVERTED else "\nnot ready: see the fixes above")
    return status


def examine(house: House) -> Iterator[Finding]:
    """Yield everything that was looked at, area by area."""
    yield from _machine(house)
    yield from _sandbox(house)
    yield from _environments(house)
    yield from _limits(house)
    yield from _service()


def _machine(house: House) -> Iterator[Finding]:
    area = "machine"
    yield Finding(area, "system", ok=True, detail=platform.platform())
    yield Finding(
        area, "interpreter", ok=True, detail=f"Python {platform.python_version()}, {sys.executable}"
    )
    for name, folder in (("home", house.home), ("temporary files", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(_existing(folder)).free
        fix = "Free some space, or name another disk with MODELPORT_HOME or TMPDIR."
        detail = f"{folder}, {free / GIB:.1f} GiB free"
        yield Finding(area, name, ok=free >= LITTLE_DISK, detail=detail, fix=fix)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _sandbox(house: House) -> Iterator[Finding]:
    from modelport.sandbox import layers  # noqa: PLC0415  # --help must not wait for it

    found = layers()
    for name, state in found.in_force.items():
        if state:
            yield Finding(
                "sandbox", name, ok=True, detail="in force" if state is True else str(state)
            )
    for sentence, remedy in zip(found.degraded, found.advice, strict=True):
        yield Finding("sandbox", "degraded", ok=False, detail=sentence, fix=remedy)
    enough = found.enough or house.insecure
    yield Finding(
        "sandbox",
        "strangers' models",
        ok=enough,
        detail="may be run"
        if enough
        else "are refused: seccomp, and Landlock or bubblewrap, are needed",
        fix="See the fixes above, or add --insecure for files that you trust.",
        needed=True,
    )


def _environments(house: House) -> Iterator[Finding]:
    from modelport.envs import find_python  # noqa: PLC0415  # --help must not wait for it
    from modelport.report.words import size  # noqa: PLC0415  # likewise

    for name in sorted(house.envs.known):
        state = house.envs.status(name)
        detail, fix = f"Python {state.python}, {size(state.size)}, {state.root}", ""
        if not state.ready:
            detail, fix = state.reason, state.command
            try:
                detail += f"; would use {find_python(state.python)}"
            except EnvironmentBroken as exc:
                detail, fix = f"{detail}; {exc}", f"{exc.hint} Then: {state.command}"
        yield Finding(
            "environments", name, ok=state.ready, detail=detail, fix=fix, needed=name == "base"
        )


def _limits(house: House) -> Iterator[Finding]:
    from modelport.report.words import duration, size  # noqa: PLC0415  # --help must not wait
    from modelport_api.settings import WrongSettings, load  # noqa: PLC0415  # likewise

    try:
        upload = load().upload_bytes
    except WrongSettings as error:
        yield Finding("limits", "settings", ok=False, detail=str(error), fix="Correct them.")
        return
    limits = house.limits
    for name, detail in (
        ("memory a step", f"{size(limits.memory)} (--memory)"),
        ("time a step", f"{duration(limits.seconds)} (--timeout)"),
        ("threads a step", f"{limits.threads} (--threads)"),
        ("disk a step", size(limits.disk)),
        ("upload", f"{size(upload)} (MODELPORT_UPLOAD_BYTES)"),
    ):
        yield Finding("limits", name, ok=True, detail=detail)


def _service() -> Iterator[Finding]:
    import modelport_frontend  # noqa: PLC0415  # --help must not wait for it

    index = Path(modelport_frontend.__file__).parent / "dist" / "index.html"
    yield Finding(
        "service",
        "page",
        ok=index.is_file(),
        detail="built" if index.is_file() else "not built: `modelport serve` answers by REST only",
        fix="make install",
    )

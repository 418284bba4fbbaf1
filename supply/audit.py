"""Looks for known holes in what is locked: ``python -m supply.audit``; ``make audit`` calls it.

pip-audit asks PyPI for advisories, lock by lock. Findings that were looked at and do not concern
us stand in ``ignored.toml``, each with a reason and the day until which it holds.

Exit status: 0 nothing found, 1 something found, 3 the advisories could not be reached, so that
nothing is known.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from supply.lock import read

ROOT = Path(__file__).resolve().parent.parent
IGNORED = Path(__file__).with_name("ignored.toml")
LOCAL = re.compile(r"\+[a-z0-9.]+$")
CLEAN, FOUND, UNKNOWN = 0, 1, 3
WORDS = {
    CLEAN: "no known holes",
    FOUND: "known holes",
    UNKNOWN: "NOT AUDITED: the advisories cannot be reached",
}


def main() -> None:
    """Audit every lock; end with the worst status."""
    today = dt.datetime.now(tz=dt.UTC).date()
    valid = [one["id"] for one in ignored() if one["until"] >= today]
    for one in ignored():
        if one["until"] < today:
            print(f"audit: {one['id']} is no longer ignored: look at it again")
    statuses = [audit(lock, valid) for lock in locks()]
    sys.exit(worst(statuses))


def locks() -> list[Path]:
    """Return all locks of the repository."""
    return sorted([*ROOT.glob("supply/*.lock"), *ROOT.glob("converters/**/requirements*.lock")])


def ignored() -> list[dict[str, Any]]:
    """Return the findings that were reviewed: ``id``, ``why``, ``until``."""
    found: list[dict[str, Any]] = tomllib.loads(IGNORED.read_text("utf-8")).get("finding", [])
    return found


def audit(lock: Path, valid: Sequence[str]) -> int:
    """Ask for the advisories of one lock, say what there are, and return a status."""
    answers = [verdict(answer(pins, valid)) for pins in batches(lock)]
    status = worst([code for code, _ in answers])
    print(f"audit: {lock.relative_to(ROOT)}: {WORDS[status]}", flush=True)
    print("".join(f"  {line}\n" for _, lines in answers for line in lines), end="", flush=True)
    return status


def batches(lock: Path) -> list[list[str]]:
    """Return the pins of a lock, in groups that hold each package once.

    A lock may have two versions of one package, for two versions of Python.
    """
    groups: list[dict[str, str]] = []
    for entry in read(lock.read_text("utf-8")):
        pin = LOCAL.sub("", entry.partition(" ;")[0])
        name = pin.partition("==")[0]
        group = next((one for one in groups if name not in one), None)
        if group is None:
            groups.append(group := {})
        group[name] = pin
    return [sorted(group.values()) for group in groups]


def answer(pins: Sequence[str], valid: Sequence[str]) -> str:
    """Return what pip-audit answers for ``pins``; what else it says goes to standard error."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write("\n".join(pins))
        wanted.flush()
        argv = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--format", "json"]
        argv += ["--disable-pip", "--no-deps", "--requirement", wanted.name]
        argv += [word for id in valid for word in ("--ignore-vuln", id)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if not done.stdout:
        print(done.stderr, file=sys.stderr, flush=True)
    return done.stdout


def worst(statuses: Sequence[int]) -> int:
    """Return the status that says most: a hole that is known, else that something is not."""
    return max(statuses, key=(CLEAN, UNKNOWN, FOUND).index)


def verdict(text: str) -> tuple[int, list[str]]:
    """Return the status that an answer of pip-audit amounts to, and what to say of it.

    It counts a package that it got no answer for as none with a hole, and ends with status 0.
    """
    try:
        packages = list(json.loads(text)["dependencies"])
    except (ValueError, KeyError, TypeError):
        return UNKNOWN, []
    holes = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {hole['fix_versions'] or 'none'}"
        for one in packages
        for hole in one.get("vulns", ())
    ]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if skipped or not packages:
        return UNKNOWN, [*holes, f"no answer for {len(skipped)} of {len(packages)} packages"]
    return (FOUND if holes else CLEAN), holes


if __name__ == "__main__":
    main()

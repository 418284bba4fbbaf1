"""Fills a fresh virtual environment: what the lock names, by its hashes, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from modelport.envs.command import run
from modelport.envs.progress import INSTALLED, PACKAGES, News, Say, packages
from modelport.errors import EnvironmentBroken
from modelport.model import Environment

REPORT = "installed.json"
NO_SUCH_BUILD = "No matching distribution found"
ENTRY = re.compile(r"(?<=\n)(?=[A-Za-z0-9])")  # where an entry of a lock begins
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==", re.MULTILINE)
DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")
MISSING = re.compile(
    r"^\S+ \S+ requires ([A-Za-z0-9][\w.-]*), which is not installed", re.MULTILINE
)


def install(environment: Environment, folder: Path, say: Say) -> None:
    """Install the packages of ``environment`` into the virtual environment ``folder``.

    With a hashed lock, pip resolves nothing: a package that the lock does not name is never
    installed, and a file with another digest never unpacked.

    Raises:
        EnvironmentBroken: Something is missing, has another digest, or cannot be installed.
    """
    hashed = "--hash=" in environment.lock
    text = environment.lock or "\n".join(environment.requires)
    if text and not hashed:
        say(News(f"environment {environment.name}: its packages are not hashed", PACKAGES))
    try:
        _install(environment, folder, text, hashed=hashed, say=say)
    except EnvironmentBroken as error:
        if not environment.extra or NO_SUCH_BUILD not in str(error):
            raise
        other = "this index has other builds, which take more room"
        say(News(f"environment {environment.name}: {other}", PACKAGES))
        _install(environment, folder, merged(text, environment.extra), hashed=hashed, say=say)
    missing = _missing(folder) - {plain(name) for name in environment.remove} if hashed else set()
    if missing:
        raise EnvironmentBroken(
            f"environment {environment.name}: its lock does not hold {', '.join(sorted(missing))}",
            hint="Lock it anew (make lock).",
        )
    if environment.remove:
        run(_pip(folder, "uninstall", "--quiet", "--yes", *environment.remove), environment.name)
    for pattern in environment.remove_files:
        for path in folder.glob(f"lib/python*/site-packages/{pattern}"):
            path.unlink()


def prepare(environment: Environment, folder: Path, say: Say) -> None:
    """Run the environment's own script in its interpreter, if it has one.

    Raises:
        EnvironmentBroken: It failed.
    """
    if not environment.prepare:
        return
    say(News(f"environment {environment.name}: preparing", INSTALLED))
    (site,) = folder.glob("lib/python*/site-packages")
    script = folder / "prepare.py"
    script.write_text(environment.prepare, "utf-8")
    run([folder / "bin" / "python", "-I", "-B", script, site], environment.name)


def check(environment: Environment, folder: Path) -> None:
    """Import the modules that must work.

    Raises:
        EnvironmentBroken: One of them does not.
    """
    code = "; ".join(f"import {module}" for module in environment.health) or "pass"
    run([folder / "bin" / "python", "-I", "-c", code], environment.name)


def _install(environment: Environment, folder: Path, text: str, *, hashed: bool, say: Say) -> None:
    requirements, report = folder / "requirements.txt", folder / "requirements.report"
    # Builds that not every index has come first, so that pip misses them before it loads the rest.
    entries = sorted(ENTRY.split(text), key=lambda entry: "+" not in entry.partition(" ")[0])
    requirements.write_text("".join(entries), "utf-8")
    count = len(PIN.findall(text)) or len(environment.requires)
    told = f"installing {count} packages, this takes minutes"
    say(News(f"environment {environment.name}: {told}", PACKAGES))
    strict = ("--no-deps", "--require-hashes") if hashed else ()
    # -I would hide PIP_* variables only from Python itself; pip still honours the user's settings.
    told_of = ("--report", report) if _reporting(folder) else ()
    options = ("install", *strict, *told_of, "-r", requirements)
    listener = packages(environment.name, count, say)
    run(_pip(folder, *options), environment.name, listener)
    if told_of:
        _keep(folder, report, text if hashed else "")


def merged(lock: str, extra: str) -> str:
    """Return ``lock`` with the entries of ``extra`` in place of those of the same packages."""
    instead = {plain(name) for name in PIN.findall(extra)}
    kept = [text for text in ENTRY.split(lock) if not (PIN.match(text) and _name(text) in instead)]
    return "".join(kept) + extra


def _missing(folder: Path) -> set[str]:
    argv = [str(part) for part in _pip(folder, "check")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return {plain(name) for name in MISSING.findall(done.stdout)}


def _pip(folder: Path, *words: str | Path) -> list[str | Path]:
    python = folder / "bin" / "python"
    return [python, "-I", "-m", "pip", "--disable-pip-version-check", *words]


def _reporting(folder: Path) -> bool:
    """Return whether the pip in ``folder`` knows ``--report``, as those from 22.2 on do.

    The one that Python 3.7 brings does not; digests are then checked and not kept.
    """
    (info,) = folder.glob("lib/python*/site-packages/pip-*.dist-info")
    numbers = re.findall(r"\d+", info.name)
    return (int(numbers[0]), int(numbers[1])) >= (22, 2)


def _keep(folder: Path, report: Path, lock: str) -> None:
    """Write the digests of the files that pip installed: SHA-256 by name of the package.

    pip before 23.1 tells none of a file on this machine. It has compared the file with the
    lock, which says it all where it allows one digest only.
    """
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    allowed = {_name(entry): DIGEST.findall(entry) for entry in ENTRY.split(lock)}
    kept: dict[str, str] = {}
    for one in told["install"]:
        archive = one["download_info"].get("archive_info") or {}
        name = plain(one["metadata"]["name"])
        only = allowed.get(name, [])
        digest = (archive.get("hashes") or {}).get("sha256")
        if digest := digest or (only[0] if len(only) == 1 else ""):
            kept[name] = digest
    (folder / REPORT).write_text(json.dumps(kept, indent=1, sort_keys=True), "utf-8")
    report.unlink()


def _name(entry: str) -> str:
    found = PIN.match(entry)
    return plain(found[1]) if found else ""


def plain(name: str) -> str:
    """Return the normal form of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()

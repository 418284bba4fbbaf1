"""The models of the scoreboard: fetched, seeded, or written from a published class.

Fixtures (``ID.npz`` with ``in:NAME`` arrays) are used as the user's inputs where
MODELPORT_FIXTURES names their folder; else inputs are drawn.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import corpus, published
from modelport.engine import House

ROOT = Path(__file__).resolve().parent.parent
BUILDERS = ROOT / "tests" / "corpus" / "pytorch" / "builders.py"
SUFFIX = {"torchscript": ".pt", "pt2": ".pt2"}
"""A model in the target's own format is no conversion; ONNX is: its passes."""

OTHER = {".jit": ".pt"}
"""Other suffixes of the same format."""


@dataclass(frozen=True)
class Row:
    """One model of the table.

    Attributes:
        values: Of scalar inputs that take a few only, for the bare tools.
        weights: Whether it holds weights alone, and a refusal that says so is right.
    """

    id: str
    file: Path
    shapes: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    inputs: Path | None = None
    weights: bool = False
    values: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def suffix(self) -> str:
        """Return the usual suffix of the file's format."""
        return OTHER.get(self.file.suffix, self.file.suffix)


def rows(home: Path, house: House, parts: Sequence[str] = ("",)) -> Iterator[Row]:
    """Yield every model whose id holds one of ``parts``, fetching or making what is missing."""
    folder = home / "corpus"

    def asked(name: str) -> bool:
        return any(part in name for part in parts)

    models = [entry for entry in corpus.entries() if asked(_shown(entry))]
    weights = [entry for entry in published.entries() if asked(f"{entry.id}.pt2")]
    corpus.fetch(folder, [*models, *weights])
    for entry in models:
        path = entry.path(folder)
        if entry.seeded:
            path = _seeded(path, house)
        yield Row(_shown(entry), path, entry.shapes, _fixture(entry.id, home), values=entry.values)
    for entry in weights:
        yield Row(entry.id, entry.path(folder), weights=True)
        for path in published.made(entry, folder, house):
            yield Row(path.name, path, inputs=_fixture(entry.fixture, home))
    for path in _architectures(home / "made", house):
        if asked(path.name):
            yield Row(path.name, path)


def wanted(row: Row, target: str) -> bool:
    """Tell whether converting ``row`` to ``target`` says anything."""
    if row.weights:
        return target == "onnx"
    return row.suffix != SUFFIX.get(target)


def _shown(entry: corpus.Entry) -> str:
    return entry.id if entry.member.endswith(".onnx") else f"{entry.id}.pt"


def _architectures(folder: Path, house: House) -> list[Path]:
    """Write the test architectures again where their source is younger than the files."""
    sources = [BUILDERS, BUILDERS.with_name("architectures.py")]
    newest = max(path.stat().st_mtime for path in sources)
    files = [*folder.glob("*.pt"), *folder.glob("*.pt2")]
    if not files or min(path.stat().st_mtime for path in files) < newest:
        subprocess.run([house.envs.python("base"), BUILDERS, folder], check=True, cwd=ROOT)
    return sorted(folder.glob("*.pt")) + sorted(folder.glob("*.pt2"))


def _seeded(path: Path, house: House) -> Path:
    """Return the model with random weights, written again where the script is younger."""
    target = path.with_name(f"seeded-{path.name}")
    script = Path(__file__).with_name("seeding.py")
    if not target.is_file() or target.stat().st_mtime < script.stat().st_mtime:
        subprocess.run([house.envs.python("base"), script, path, target], check=True)
    return target


def _fixture(name: str, home: Path) -> Path | None:
    """Return a fixture's inputs as a file of user's inputs; ``/`` is written ``|`` in a fixture."""
    folder = os.environ.get("MODELPORT_FIXTURES")
    if not folder or not name or not (Path(folder) / f"{name}.npz").is_file():
        return None
    with np.load(Path(folder) / f"{name}.npz") as archive:
        arrays = {k[3:].replace("|", "/"): archive[k] for k in archive if k.startswith("in:")}
    path = home / "inputs" / f"{name}.npz"
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # names come from the file
    return path

"""Weights with the class that their makers publish: made into .pt and .pt2 files.

The package goes into a throw-away folder of its own, without its dependencies, never into an
environment; the class is imported from there in ``base``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.corpus import LIST, Entry
from modelport.engine import House

SCRIPT = Path(__file__).with_name("publishing.py")


@dataclass(frozen=True)
class Weights(Entry):
    """A file of weights.

    Attributes:
        cls: ``"module:Class"`` in the package.
        arguments: Of the class.
        constants: What the package's own ``__init__`` would define and the class reads.
        absent: Packages that the module imports and the class does not use.
        needs: Further packages for the throw-away folder.
        port: ``"module:Class"`` beside this file, where the published class is none of PyTorch.
        example: Shape of the one input.
        fixture: Name of the recorded inputs.
    """

    cls: str = ""
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    constants: dict[str, Any] = field(default_factory=dict[str, Any])
    absent: list[str] = field(default_factory=list[str])
    needs: list[str] = field(default_factory=list[str])
    port: str = ""
    example: list[int] = field(default_factory=list[int])
    fixture: str = ""


def entries() -> list[Weights]:
    """Return the list."""
    listed = tomllib.loads(LIST.read_text("utf-8"))["weights"]
    return [Weights(**{("cls" if k == "class" else k): v for k, v in e.items()}) for e in listed]


def made(entry: Weights, folder: Path, house: House) -> list[Path]:
    """Return the files that the class and its weights give; what failed stands in made.json."""
    into = folder / entry.id / "made"
    stamp = f"{entry}{SCRIPT.read_text('utf-8')}"
    told = into / "made.json"
    if not told.is_file() or json.loads(told.read_text("utf-8"))["stamp"] != stamp:
        into.mkdir(parents=True, exist_ok=True)
        failures = _make(entry, folder, into, house)
        told.write_text(json.dumps({"stamp": stamp, "failures": failures}), "utf-8")
    return sorted(path for path in into.iterdir() if path.suffix in {".pt", ".pt2"})


def failures(entry: Weights, folder: Path) -> dict[str, str]:
    """Return what could not be done with the published class, and its error, as ``made`` left."""
    told = folder / entry.id / "made" / "made.json"
    found: dict[str, str] = json.loads(told.read_text("utf-8"))["failures"]
    return found


def _make(entry: Weights, folder: Path, into: Path, house: House) -> dict[str, str]:
    """Run publishing.py in ``base`` on a throw-away copy of the package."""
    with tempfile.TemporaryDirectory() as site:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        subprocess.run([*pip, "--target", site, entry.package, *entry.needs], check=True)
        order = {
            "site": site,
            "class": entry.cls,
            "arguments": entry.arguments,
            "constants": entry.constants,
            "absent": entry.absent,
            "port": entry.port,
            "example": entry.example,
            "weights": str(entry.path(folder)),
            "stem": str(into / entry.id),
        }
        job, answer = Path(site) / "job.json", Path(site) / "answer.json"
        job.write_text(json.dumps(order), "utf-8")
        subprocess.run([house.envs.python("base"), SCRIPT, job, answer], check=True)
        told: dict[str, str] = json.loads(answer.read_text("utf-8"))
        return told

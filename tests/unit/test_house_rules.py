"""Rules of the house that no linter checks."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from modelport.registry import Registry

ROOT = Path(__file__).resolve().parents[2]


def sources(*suffixes: str) -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\n") if name.endswith(suffixes)]


def test_no_file_is_longer_than_300_lines() -> None:
    long = [
        p.name
        for p in sources(".py", ".ts", ".vue")
        if p.is_file() and p.name != "schema.d.ts" and len(p.read_text("utf-8").splitlines()) > 300
    ]
    assert long == []


def test_the_extra_base_is_the_environment_base() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extra = project["optional-dependencies"]["base"]
    assert tuple(sorted(extra)) == Registry.load().environments["base"].requires


def test_the_lock_holds_every_pin() -> None:
    environment = Registry.load().environments["base"]

    def plain(text: str) -> str:
        return re.sub(r"[-_.]+", "-", text).lower()

    lock = {plain(line) for line in environment.lock.splitlines()}
    assert [pin for pin in environment.requires if plain(pin) not in lock] == []


def test_every_format_has_a_page() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "frameworks").glob("*.md")}
    registry = Registry.load()
    folders = {registry.ref(format).split(".")[1] for format in registry.formats.values()}
    assert folders - pages == set()

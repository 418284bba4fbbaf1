"""Replays the kept corpora of tests/fuzz: what was found once stays mended. Needs no fuzzer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[1] / "fuzz"
sys.path.insert(0, str(FUZZ))

import shelf  # noqa: E402  # it lies beside the targets, which are no package

FILES = [(name, path) for name in shelf.names() for path in shelf.kept(name)]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(n, p, id=f"{n}-{p.name}") for n, p in FILES]
)
def test_the_target_takes_it(name: str, path: Path) -> None:
    shelf.target(name)(path.read_bytes())


def test_every_target_has_a_corpus_a_dictionary_and_a_row_in_the_docs() -> None:
    rows = (FUZZ.parents[1] / "docs" / "fuzzing.md").read_text("utf-8")
    lacking = [
        name
        for name in shelf.names()
        if not shelf.kept(name)
        or not (FUZZ / "dictionary" / f"{name}.txt").is_file()
        or f"| `{name}` |" not in rows
    ]
    assert lacking == []


def test_the_corpora_stay_small() -> None:
    sizes = [path.stat().st_size for _, path in FILES]
    assert (max(sizes) <= shelf.FILE_BYTES, sum(sizes) <= shelf.FOLDER_BYTES) == (True, True)

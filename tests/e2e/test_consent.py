"""Code in files runs only where operator, uploader and every layer of the sandbox allow it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from modelport import engine, sandbox
from modelport.engine import House
from modelport.errors import UnsafeModel, UnsupportedFeature

pytestmark = pytest.mark.env("base")

MODULE = b"\x80\x02cmy.models\nNet\n)\x81."  # an object of a class that is not installed here


@pytest.fixture
def pickled(tmp_path: Path) -> Path:
    path = tmp_path / "m.pth"
    path.write_bytes(MODULE)
    return path


def test_without_consent_nothing_is_loaded(house: House, pickled: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsafeModel, match=r"my\.models\.Net"):
        engine.inspect_files([pickled], tmp_path / "work", house)


def test_consent_alone_is_not_enough(house: House, pickled: Path, tmp_path: Path) -> None:
    missing = sandbox.layers().degraded
    if not missing:
        pytest.skip("every layer of the sandbox is in force here")
    with pytest.raises(UnsafeModel) as refusal:
        engine.inspect_files([pickled], tmp_path / "work", house, consent=True)
    assert missing[0] in refusal.value.hint


def test_an_operator_may_do_without_layers(house: House, pickled: Path, tmp_path: Path) -> None:
    bold = dataclasses.replace(house, insecure=True)
    with pytest.raises(UnsupportedFeature, match="missing here"):
        engine.inspect_files([pickled], tmp_path / "work", bold, consent=True)

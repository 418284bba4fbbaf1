"""A key that is set empty is no key: the service must not be open because of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelport_api.auth import keys
from modelport_api.settings import Settings


@pytest.mark.parametrize("given", ["", "   ", "\n"], ids=["empty", "spaces", "newline"])
def test_a_blank_key_counts_as_unset_and_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("MODELPORT_API_KEY", given)
    said: list[str] = []
    wanted = keys.expected(Settings(host="0.0.0.0", home=tmp_path), said.append)
    assert wanted is not None
    assert not keys.fits("", wanted)
    assert keys.fits(said[0].rpartition(" ")[2], wanted)


def test_a_blank_key_leaves_loopback_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_API_KEY", "")
    assert keys.expected(Settings(host="127.0.0.1", home=tmp_path), print) is None


def test_a_request_without_a_key_never_fits() -> None:
    assert not keys.fits("", keys.digest(""))


def test_a_key_that_is_set_is_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_API_KEY", "secret")
    wanted = keys.expected(Settings(host="0.0.0.0", home=tmp_path), print)
    assert wanted is not None
    assert (keys.fits("secret", wanted), keys.fits("other", wanted)) == (True, False)

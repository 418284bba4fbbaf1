"""Paddle-Lite's files told apart: which processor one was made for, and where it may run."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from modelport_plugins import paddle
from modelport_plugins.paddle.lite import format
from modelport_plugins.paddle.lite.inspect import described
from modelport_plugins.paddle.lite.runtime import load
from modelport_sdk import Context, Head, UnsupportedFeature

START = b"\x02\0v2.12\0\0\0\0\0\0\0\0\0\0\0"
ARM = START + b"\0conv2d/def/4/1/1\0relu/def/4/1/1\0"
X86 = START + b"\0conv2d/def/2/1/1\0shape/def/1/4/2\0"
FOLDER = Path(paddle.__file__).parent


@pytest.mark.parametrize(
    ("data", "scores"),
    [
        pytest.param(ARM, (1.0, 0.0), id="arm"),
        pytest.param(X86, (0.0, 1.0), id="x86"),
        pytest.param(START, (0.6, 0.0), id="neither"),
        pytest.param(b"\x02\0" + ARM[4:], (0.0, 0.0), id="no-version"),
    ],
)
def test_the_processor_is_read_from_the_kernels(data: bytes, scores: tuple[float, float]) -> None:
    head = Head("net.nb", data)
    assert (format.match_arm(head), format.match_x86(head)) == scores


def test_operators_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "net.nb"
    path.write_bytes(ARM)
    assert described(path, "paddle-lite")["operators"] == {"conv2d": 1, "relu": 1}


def test_a_model_for_arm_is_never_run_on_x86(tmp_path: Path) -> None:
    path = tmp_path / "net.nb"
    path.write_bytes(ARM)
    with pytest.raises(UnsupportedFeature, match="ARM"):
        load.load(path, "plain", Context(tmp_path, {}))


@pytest.mark.parametrize("name", ["program", "lite"])
def test_environments_built_against_numpy_1_have_it(name: str) -> None:
    told = tomllib.loads((FOLDER / name / "environment.toml").read_text("utf-8"))
    assert any(one.startswith("numpy==1.") for one in told["requires"])

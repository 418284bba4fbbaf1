"""A planted fault is always caught: `different` or the right error, never success."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from modelport import engine
from modelport.engine import House
from modelport.errors import ModelportError
from modelport.model import Verdict

pytestmark = pytest.mark.env("base")

HERE = Path(__file__).resolve()
BUILDER = HERE.parents[1] / "corpus" / "small.py"


@pytest.fixture(scope="module")
def faulty(house: House) -> House:
    """The house with the faulty converters in it."""
    sys.path.insert(0, str(HERE.parents[1] / "plugins"))
    house.registry.add_package(importlib.import_module("modelport_faulty"))
    return house


@pytest.fixture(scope="module")
def models(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([base_python, BUILDER, folder], check=True)
    return folder


def verdict(faulty: House, models: Path, work: Path, fault: str) -> engine.Conversion:
    request = engine.Request((models / "pair.onnx",), f"onnx.faulty-{fault}")
    return engine.convert(request, work, faulty)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param("scaled", "off by", id="one-weight-scaled-by-1-percent"),
        pytest.param("bias-lost", "off by", id="one-bias-lost"),
        pytest.param("output-dropped", "missing", id="one-output-dropped"),
        pytest.param("outputs-swapped", "off by", id="two-outputs-swapped"),
        pytest.param("activation-gone", "off by", id="activation-gone"),
        pytest.param("stale", "off by", id="stale-file-in-place"),
    ],
)
def test_a_wrong_result_is_different(
    faulty: House, models: Path, tmp_path: Path, fault: str, said: str
) -> None:
    done = verdict(faulty, models, tmp_path / "work", fault)
    assert (done.verdict, said in done.report["reason"]) == (Verdict.DIFFERENT, True), done.report[
        "reason"
    ]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param("silent", "silent-success", id="exit-0-and-no-file"),
        pytest.param("empty", "silent-success", id="an-empty-file"),
        pytest.param("killed", "worker-died", id="killed"),
        pytest.param("linked", "plugin-bug", id="a-link-to-a-file-outside"),
    ],
)
def test_a_missing_result_is_an_error(
    faulty: House, models: Path, tmp_path: Path, fault: str, code: str
) -> None:
    with pytest.raises(ModelportError) as caught:
        verdict(faulty, models, tmp_path / "work", fault)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("fault", "want"),
    [
        pytest.param("scaled", ("layer", "c2"), id="one-weight-scaled-by-1-percent"),
        pytest.param("bias-lost", ("layer", "first"), id="one-bias-lost"),
        pytest.param("activation-gone", ("layer", "r1"), id="activation-gone"),
        pytest.param("outputs-swapped", ("swapped", "first"), id="two-outputs-swapped"),
    ],
)
def test_the_layer_that_goes_wrong_is_named(
    faulty: House, models: Path, tmp_path: Path, fault: str, want: tuple[str, str]
) -> None:
    told = verdict(faulty, models, tmp_path / "work", fault).report["diagnosis"]
    assert (told["found"], told["first"]["tensor"]) == want


def test_a_missing_output_is_no_matter_of_layers(
    faulty: House, models: Path, tmp_path: Path
) -> None:
    done = verdict(faulty, models, tmp_path / "work", "output-dropped")
    assert done.report["diagnosis"] is None


def test_a_faithful_copy_is_verified(faulty: House, models: Path, tmp_path: Path) -> None:
    """The same harness passes what is right, or the tests above would prove nothing."""
    assert verdict(faulty, models, tmp_path / "work", "none").verdict is Verdict.VERIFIED

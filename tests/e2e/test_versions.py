"""Two real versions of onnxslim on one model; runs where the second one's environment is built."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from benchmarks.tour import MODEL

from modelport.engine import House, Request, convert, versions
from modelport.errors import BadOption, NoRoute

VERSIONS = ("onnxslim@0.1.98", "onnxslim@0.1.82")


@pytest.fixture
def model(base_python: Path, tmp_path: Path) -> Path:
    files = [tmp_path / name for name in ("net.onnx", "inputs.npz", "weights.safetensors")]
    subprocess.run([base_python, "-c", MODEL, *files], check=True)
    return files[0]


@pytest.mark.env("base")
@pytest.mark.env("onnxslim@0.1.82")
def test_both_are_held_against_the_source_and_to_each_other(
    model: Path, tmp_path: Path, house: House
) -> None:
    done = convert(Request((model,), "onnx.slim", using=VERSIONS), tmp_path / "work", house)
    first, second = done.report["versions"]
    assert [one["tools"]["onnxslim"] for one in (first, second)] == ["0.1.98", "0.1.82"]
    assert {first["verdict"], second["verdict"]} == {"verified"}
    (against,), (apart,) = second["comparisons"], second["apart"]["comparisons"]
    assert (against["output"], apart["output"]) == ("y", "y")
    assert (second["apart"]["from"], second["apart"]["reason"]) == ("onnxslim@0.1.98", "")
    assert 0 <= apart["max_rel"] < 1e-5
    assert (done.folder / second["folder"] / "net.onnx").is_file()
    page = (done.folder / "report.html").read_text("utf-8")
    assert "Versions side by side" in page


@pytest.mark.env("base")
def test_a_version_that_is_not_offered_is_refused_with_those_that_are(
    model: Path, tmp_path: Path, house: House
) -> None:
    with pytest.raises(BadOption) as caught:
        convert(Request((model,), "onnx.slim", using=("onnxslim@9",)), tmp_path / "work", house)
    assert all(name in caught.value.hint for name in VERSIONS)


def test_a_version_of_a_tool_that_is_not_on_the_way_is_refused(house: House) -> None:
    with pytest.raises(NoRoute) as caught:
        versions.planned("safetensors", "npz", house, VERSIONS[:1])
    assert "onnx-to-onnx.slim" in caught.value.hint

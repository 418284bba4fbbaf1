"""Reading and writing the text of a .param."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelport_plugins.ncnn import param
from modelport_plugins.ncnn.format import match
from modelport_sdk import CorruptModel, Head

TEXT = """7767517
4 5
Input            data   0 1 data 0=8 1=8 2=3
Split            split  1 2 data a b
Convolution      conv   1 1 a c 0=4 1=3
ReLU             relu   1 1 c out
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "m.param"
    path.write_text(text, "utf-8")
    return path


def test_outputs_are_the_blobs_that_no_layer_reads(tmp_path: Path) -> None:
    layers = param.read(written(tmp_path, TEXT))
    assert (param.inputs(layers), param.outputs(layers)) == (["data"], ["b", "out"])


def test_renamed_blobs_keep_their_connections(tmp_path: Path) -> None:
    layers = param.renamed(param.read(written(tmp_path, TEXT)), {"c": "hidden", "out": "logits"})
    param.write(layers, tmp_path / "n.param")
    again = param.read(tmp_path / "n.param")
    assert again == layers
    assert again[3].bottoms == again[2].tops == ("hidden",)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("7767518\n0 0\n", id="other-magic"),
        pytest.param(TEXT.rpartition("ReLU")[0], id="cut"),
        pytest.param(TEXT.replace("1 2 data a b", "1 9 data a b"), id="wrong-count"),
        pytest.param(TEXT.replace("0 1 data 0=8", "x y"), id="no-numbers"),
    ],
)
def test_damaged_files_are_corrupt(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorruptModel):
        param.read(written(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "first", "want"),
    [
        ("m.param", b"7767517\n4 5\n", 1.0),
        ("m.txt", b"7767517\r\n4 5\r\n", 1.0),
        ("m.param", b"hello\n", 0.2),
        ("m.bin", b"\0\0\0\0", 0.0),
    ],
)
def test_match(name: str, first: bytes, want: float) -> None:
    assert match(Head(name, first)) == want

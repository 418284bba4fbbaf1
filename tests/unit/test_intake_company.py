"""A lone file on the user's own disk finds what belongs to it; nothing else comes along."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelport import intake
from modelport.registry import Registry

FORMATS = Registry.load().formats.values()
PARAM = b"7767517\n1 1\nInput in0 0 1 in0\n"
XML = b'<?xml version="1.0"?>\n<net name="a" version="11">\n</net>\n'


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field; contents here are shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


OUTSIDE = field(13, field(1, b"location") + field(2, b"w.weights"))
NODE = field(1, b"x") + field(2, b"y") + field(4, b"Relu")
GRAPH = field(1, NODE) + field(2, b"g") + field(5, OUTSIDE)
ONNX = b"\x08\x08" + field(7, GRAPH) + field(8, b"\x10\x11")


@pytest.mark.parametrize(
    ("name", "data", "beside", "want"),
    [
        pytest.param("a.param", PARAM, ["a.bin", "b.bin"], ["a.param", "a.bin"], id="ncnn"),
        pytest.param("a.xml", XML, ["a.bin"], ["a.xml", "a.bin"], id="openvino"),
        pytest.param("a.onnx", ONNX, ["w.weights", "x"], ["a.onnx", "w.weights"], id="onnx"),
        pytest.param("a.onnx", ONNX, ["other"], ["a.onnx"], id="onnx-without-its-weights"),
        pytest.param("a.txt", b"hello", ["a.bin"], ["a.txt"], id="no-model"),
    ],
)
def test_what_belongs_to_it_is_found(
    tmp_path: Path, name: str, data: bytes, beside: list[str], want: list[str]
) -> None:
    (tmp_path / name).write_bytes(data)
    for other in beside:
        (tmp_path / other).write_bytes(b"1")
    found = intake.companions([tmp_path / name], FORMATS)
    assert [path.name for path in found] == want


def test_a_name_that_leaves_the_folder_is_not_followed(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "w.weight").write_bytes(b"secret")
    (inner / "a.onnx").write_bytes(ONNX.replace(b"w.weights", b"../w.weig"))
    (tmp_path / "w.weig").write_bytes(b"secret")
    assert intake.companions([inner / "a.onnx"], FORMATS) == (inner / "a.onnx",)

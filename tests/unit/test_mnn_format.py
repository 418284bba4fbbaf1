"""What is taken for an MNN model, which has no magic number."""

from __future__ import annotations

import struct

import pytest

from modelport_plugins.mnn.format import match
from modelport_plugins.mnn.operators import operator_name
from modelport_sdk import Head


def net(*, names: bool = True) -> bytes:
    """Return a Net table with an empty list of operators and of tensor names."""
    vtable = struct.pack("<12H", 24, 12, 0, 0, 0, 4, 0, 0, 0, 8 if names else 0, 0, 0)
    table = struct.pack("<iII", 24, 8, 8)  # the vtable lies 24 bytes before the table
    return struct.pack("<I", 28) + vtable + table + struct.pack("<II", 0, 0)


@pytest.mark.parametrize(
    ("name", "first", "want"),
    [
        pytest.param("m.mnn", net(), 1.0, id="table-and-suffix"),
        pytest.param("m.dat", net(), 0.5, id="table-alone"),
        pytest.param("m.dat", net(names=False), 0.0, id="no-tensor-names"),
        pytest.param("m.mnn", b"hello", 0.1, id="suffix-alone"),
        pytest.param("m.dat", b"\x20\0\0\0TFL3" + bytes(64), 0.0, id="tflite"),
        pytest.param("m.dat", b"\x20\0\0\0ORTM" + bytes(64), 0.0, id="ort"),
    ],
)
def test_match(name: str, first: bytes, want: float) -> None:
    assert match(Head(name, first, (), len(first))) == want


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "AbsVal"),
        (12, "Convolution"),
        (85, "Softmax"),
        (128, "Raster"),
        (601, "If"),
        (9999, "operator 9999"),
    ],
)
def test_operator_name(number: int, name: str) -> None:
    assert operator_name(number) == name

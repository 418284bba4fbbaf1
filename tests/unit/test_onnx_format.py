"""Recognition of ONNX and ORT files by their first bytes; needs no framework."""

from __future__ import annotations

import random

import pytest

from modelport_plugins.onnx.format import match_onnx, match_ort
from modelport_sdk import Head

# ir_version 8, producer "test", a graph with one node, operator set 13; as protobuf writes it.
NODE = b"\x0a\x08\x0a\x01x\x12\x01y\x22\x00"
MODEL = b"\x08\x08\x12\x04test\x3a" + bytes([len(NODE)]) + NODE + b"\x42\x04\x0a\x00\x10\x0d"
# A SavedModel starts alike: schema version 1, then a message where ONNX has a name.
SAVED_MODEL = b"\x08\x01\x12\x0b\x0a\x09\x12\x05serve\x22\x00"


def head(first: bytes, name: str = "model.onnx") -> Head:
    return Head(name, first, (), len(first))


@pytest.mark.parametrize(
    ("first", "low", "high"),
    [
        pytest.param(MODEL, 1.0, 1.0, id="model"),
        pytest.param(MODEL[:12], 0.7, 1.0, id="cut-short"),
        pytest.param(b"", 0.0, 0.2, id="empty"),
        pytest.param(b"hello\nworld", 0.0, 0.2, id="text"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", 0.0, 0.2, id="lfs"),
        pytest.param(b"PK\x03\x04" + bytes(60), 0.0, 0.2, id="zip"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(60), 0.0, 0.2, id="png"),
        pytest.param(SAVED_MODEL, 0.0, 0.7, id="saved-model"),
        pytest.param(b"\xff" * 70_000, 0.0, 0.2, id="ones"),
    ],
)
def test_content_decides_and_the_suffix_hints(first: bytes, low: float, high: float) -> None:
    assert low <= match_onnx(head(first)) <= high


def test_a_model_is_known_without_its_suffix() -> None:
    assert match_onnx(head(MODEL, "download")) == 0.9


@pytest.mark.parametrize("seed", range(200))
def test_random_bytes_are_no_model(seed: int) -> None:
    assert match_onnx(head(random.Random(seed).randbytes(300), "download")) == 0.0


@pytest.mark.parametrize(
    ("first", "name", "want"),
    [
        pytest.param(b"\x18\0\0\0ORTM\0\0", "download", 1.0, id="identifier"),
        pytest.param(b"\x18\0\0\0TFL3\0\0", "model.ort", 0.2, id="suffix-only"),
        pytest.param(b"\x18\0\0\0TFL3\0\0", "model.tflite", 0.0, id="another-flatbuffer"),
    ],
)
def test_ort_is_told_by_its_identifier(first: bytes, name: str, want: float) -> None:
    assert match_ort(head(first, name)) == want

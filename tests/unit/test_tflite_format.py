"""TFLite is known by its signature; the suffix alone says little."""

from __future__ import annotations

import pytest

from modelport_plugins.tensorflow.lite.format import match
from modelport_sdk import Head


@pytest.mark.parametrize(
    ("first", "name", "want"),
    [
        pytest.param(b"\x1c\0\0\0TFL3\0\0", "model.bin", 1.0, id="signature"),
        pytest.param(b"\x18\0\0\0ORTM\0\0", "model.tflite", 0.2, id="suffix-only"),
        pytest.param(b"\x18\0\0\0ORTM\0\0", "model.ort", 0.0, id="another-flatbuffer"),
        pytest.param(b"TFL3", "model.bin", 0.0, id="signature-in-another-place"),
        pytest.param(b"", "model.tflite", 0.2, id="empty"),
    ],
)
def test_match(first: bytes, name: str, want: float) -> None:
    assert match(Head(name, first)) == want

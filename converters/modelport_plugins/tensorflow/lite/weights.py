"""Lists the weights of a TFLite model, for the check that every one arrived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow.lite import constant, schema
from modelport_sdk import Context, weights


@weights(format="tflite", env="litert")
def tflite_weights(model: Path, ctx: Context) -> Iterator[tuple[str, Any]]:
    """Yield ``(name, array)`` of float constants that are multiplied by, in ONNX's layout."""
    with schema.damage():
        found = list(constant.constants(schema.read(model)))
    for one in found:
        array = None if one.bias else constant.dense(one)
        if array is not None:
            yield one.name, array

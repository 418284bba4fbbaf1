"""TensorFlow Lite to ONNX with tf2onnx, after what it stumbles over is written another way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow import exporter
from modelport_plugins.tensorflow.lite import preparation, schema
from modelport_sdk import Context, converter, option

# Memory that lasts from one call to the next, which a graph of ONNX does not have.
STATE = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")
TABLES = ("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE")


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    dequantise: bool = option(
        False, "Write quantised layers in floating point: no rounding of activations, larger."
    )


@converter(
    source="tflite",
    target="onnx",
    env="tensorflow",
    options=Options,
    homepage="https://github.com/onnx/tensorflow-onnx",
)
def tflite_to_onnx(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """TensorFlow Lite to ONNX with tf2onnx; names and layout (NHWC) of inputs and outputs stay.

    Raises:
        CorruptModel: The file is damaged.
        UnsupportedOperator: ONNX has no counterpart for an operator.
        UnsupportedFeature: tf2onnx gave up.
    """
    _refuse(source)
    data, notes = preparation.prepared(source.read_bytes())
    for note in notes:
        ctx.note(note)
    path = ctx.scratch / "prepared.tflite"
    path.write_bytes(data)
    ctx.progress("convert", 0.2)
    arguments: dict[str, Any] = {"tflite_path": str(path), "dequantize": options.dequantise}
    model = exporter.export("TensorFlow Lite", arguments)
    exporter.write(model, out, ctx)


def _refuse(source: Path) -> None:
    """Refuse what has no counterpart, before tf2onnx stumbles over it.

    Raises:
        UnsupportedOperator: The operators are named and counted.
    """
    with schema.damage():
        kinds = Counter(operator.kind for operator in schema.operators(schema.read(source)))
    exporter.refuse(
        Counter({kind: kinds[kind] for kind in STATE if kind in kinds}),
        "memory that lasts between calls has no counterpart in ONNX",
        "Export the model with its state as inputs and outputs.",
    )
    exporter.refuse(
        Counter({kind: kinds[kind] for kind in TABLES if kind in kinds}),
        "tables have no counterpart in ONNX",
        "Leave the lookup out of the exported model.",
    )
    flex = {kind.removeprefix("CUSTOM:"): n for kind, n in kinds.items() if ":Flex" in kind}
    exporter.refuse(
        Counter(flex),
        "operators of TensorFlow inside of a TensorFlow Lite model",
        "Convert the SavedModel instead.",
    )

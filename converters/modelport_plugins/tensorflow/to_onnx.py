"""SavedModel, frozen graph and Keras to ONNX with tf2onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow import exporter, program
from modelport_sdk import Context, NoOptions, converter

HOME = "https://github.com/onnx/tensorflow-onnx"


def convert(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    """Load the model as one function, freeze it, and hand it to tf2onnx.

    Raises:
        UnsafeModel: It would run code, or reach out of the graph.
        CorruptModel: TensorFlow cannot read it.
        UnsupportedOperator: ONNX has no counterpart for an operator.
        UnsupportedFeature: tf2onnx gave up.
    """
    loaded = program.load(source, ctx)
    ctx.progress("convert", 0.3)
    inputs = {one.name: name for name, one in loaded.inputs.items()}
    outputs = {one.name: name for name, one in loaded.outputs.items()}
    from tf2onnx import tf_loader

    frozen = tf_loader.from_function(loaded.concrete, list(inputs), list(outputs))
    arguments: dict[str, Any] = {
        "frozen_graph": frozen,
        "input_names": list(inputs),
        "output_names": list(outputs),
        "tensors_to_rename": {**inputs, **outputs},
        "initialized_tables": {},
    }
    exporter.write(exporter.export("TensorFlow", arguments), out, ctx)


def _edge(source: str, title: str) -> Any:
    named = converter(source=source, target="onnx", env="tensorflow", title=title, homepage=HOME)
    return named(convert)


saved_model_to_onnx = _edge("savedmodel", "SavedModel to ONNX with tf2onnx, its default signature")
graph_to_onnx = _edge("tf-graph", "Frozen TensorFlow graph to ONNX with tf2onnx")
keras_to_onnx = _edge("keras", "Keras to ONNX with tf2onnx, traced for inference")
keras_h5_to_onnx = _edge("keras-h5", "Keras HDF5 to ONNX with tf2onnx, traced for inference")

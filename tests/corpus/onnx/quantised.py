"""Quantised ONNX models for the rows and checks of this folder."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from builders import INT64, ints, model, port, weight
from onnx import helper, numpy_helper


def tagger():
    """Embedding, LSTM of both directions, and a product, as float32."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(
            "LSTM", ["steps", "w", "r", "b"], ["h"], hidden_size=8, direction="bidirectional"
        ),
        helper.make_node("Transpose", ["h"], ["turned"], perm=[2, 0, 1, 3]),
        helper.make_node("Reshape", ["turned", "flat"], ["wide"]),
        helper.make_node("MatMul", ["wide", "head"], ["y"]),
    ]
    weights = [weight("table", 10, 6), weight("w", 2, 32, 6), weight("r", 2, 32, 8)]
    weights += [weight("b", 2, 64), weight("head", 16, 4), ints("flat", [0, 5, 16])]
    return model(nodes, [port("ids", [1, 5], INT64)], [port("y", [1, 5, 4])], weights)


def quantised_tagger():
    """The tagger by ONNX Runtime's dynamic quantiser, a scale a column in the LSTM."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(tagger(), str(before))
        quantize_dynamic(before, after, per_channel=True, weight_type=QuantType.QInt8)
        return onnx.load(str(after))


def quantised_layer():
    """QuantizeLinear and DequantizeLinear around a product; the bounds do a Relu's work."""
    scale = numpy_helper.from_array(np.array(0.02, np.float32), "scale")
    zero = numpy_helper.from_array(np.array(0, np.uint8), "zero")
    draw = np.random.default_rng(1)
    whole = numpy_helper.from_array(draw.integers(-128, 128, (6, 4)).astype(np.int8), "whole")
    sizes = numpy_helper.from_array(np.linspace(0.004, 0.01, 4, dtype=np.float32), "sizes")
    shifts = numpy_helper.from_array(np.zeros(4, np.int8), "shifts")
    nodes = [
        helper.make_node("DequantizeLinear", ["whole", "sizes", "shifts"], ["weights"], axis=1),
        helper.make_node("MatMul", ["x", "weights"], ["m"]),
        helper.make_node("QuantizeLinear", ["m", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    held = [scale, zero, whole, sizes, shifts]
    return model(nodes, [port("x", [3, 6])], [port("y", [3, 4])], held)

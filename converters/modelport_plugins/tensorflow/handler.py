"""Operators that tf2onnx 1.17 has no handler for, written with those that it has.

Source: TensorFlow, ``math_ops.cc`` (Erfc); tensorflow/lite/kernels/activations.cc (GELU).
"""

from __future__ import annotations

from typing import Any

# sqrt(1 / 2); sqrt(2 / pi) and the cubic term of the approximation by tanh (Hendrycks, Gimpel).
ROOT_HALF = 0.7071067811865476
ROOT_TWO_OVER_PI = 0.7978845608028654
CUBIC = 0.044715


class Builder:
    """Writes nodes of one type and shape in the place of ``node``."""

    def __init__(self, graph: Any, node: Any) -> None:
        self.graph = graph
        self.node = node
        self.dtype = graph.get_dtype(node.output[0])
        self.shape = graph.get_shape(node.output[0])

    def constant(self, value: float) -> str:
        """Return the name of a scalar of the node's own type."""
        import numpy as np
        from tf2onnx import utils

        array = np.array(value, dtype=utils.map_onnx_to_numpy_type(self.dtype))
        return str(self.graph.make_const(utils.make_name("constant"), array).output[0])

    def make(self, kind: str, *inputs: str) -> str:
        """Return the output of a new node."""
        made = self.graph.make_node(kind, list(inputs), shapes=[self.shape], dtypes=[self.dtype])
        return str(made.output[0])

    def end(self, kind: str, *inputs: str) -> None:
        """Let a new node give the output of the old one."""
        name, outputs = self.node.name, list(self.node.output)
        self.graph.remove_node(name)
        self.graph.make_node(
            kind, list(inputs), name=name, outputs=outputs, shapes=[self.shape], dtypes=[self.dtype]
        )


class Erfc:
    """``1 - erf(x)``; Keras 3 writes an exact GELU with it."""

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **_: Any) -> None:
        """Write Erf and Sub."""
        build = Builder(ctx, node)
        build.end("Sub", build.constant(1), build.make("Erf", node.input[0]))


class Gelu:
    """TFLite's GELU, exact or by tanh."""

    @classmethod
    def to_tf(cls, ctx: Any, node: Any, **_: Any) -> None:
        """Write ``x * (1 + erf(x / sqrt 2)) / 2``, or its approximation."""
        build = Builder(ctx, node)
        x = node.input[0]
        if bool(node.get_attr_value("approximate", False)):
            cube = build.make("Mul", build.make("Mul", x, x), x)
            inner = build.make("Add", x, build.make("Mul", build.constant(CUBIC), cube))
            step = build.make("Tanh", build.make("Mul", build.constant(ROOT_TWO_OVER_PI), inner))
        else:
            step = build.make("Erf", build.make("Mul", x, build.constant(ROOT_HALF)))
        half = build.make("Mul", build.constant(0.5), build.make("Add", step, build.constant(1)))
        build.end("Mul", x, half)


def register() -> None:
    """Add the handlers to tf2onnx, whatever it has of the same names."""
    from tf2onnx.handler import tf_op, tfl_op

    tf_op("Erfc")(Erfc)
    tfl_op(["TFL_GELU"])(Gelu)

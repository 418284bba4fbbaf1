"""Activations."""

from __future__ import annotations

import math
from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.operators.elementwise import plain
from modelport_plugins.oneflow.writer import Writer


def _named(kind: str, **names: str) -> Any:
    """Return an entry for an operator whose attributes ONNX calls otherwise."""

    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        given = {theirs: float(op.attributes[ours]) for theirs, ours in names.items()}
        made: str = w.add(kind, x, **given)
        return made

    return emit


def gelu(w: Writer, op: Operation, x: list[str]) -> str:
    """Return x * (1 + erf(x / sqrt(2))) / 2."""
    turned = w.add("Erf", [w.add("Mul", [x[0], w.like(2**-0.5, x[0])])])
    times = w.add("Mul", [x[0], w.add("Add", [turned, w.like(1, x[0])])])
    made: str = w.add("Mul", [times, w.like(0.5, x[0])])
    return made


def _fast_gelu(w: Writer, op: Operation, x: list[str]) -> str:
    """Return the tanh form; its constants are those of every framework."""
    cube = w.add("Mul", [w.add("Mul", [x[0], x[0]]), x[0]])
    inner = w.add("Add", [x[0], w.add("Mul", [cube, w.like(0.044715, x[0])])])
    turned = w.add("Tanh", [w.add("Mul", [inner, w.like(math.sqrt(2 / math.pi), x[0])])])
    times = w.add("Mul", [x[0], w.add("Add", [turned, w.like(1, x[0])])])
    made: str = w.add("Mul", [times, w.like(0.5, x[0])])
    return made


def _quick_gelu(w: Writer, op: Operation, x: list[str]) -> str:
    gate = w.add("Sigmoid", [w.add("Mul", [x[0], w.like(1.702, x[0])])])
    made: str = w.add("Mul", [x[0], gate])
    return made


def _silu(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Mul", [x[0], w.add("Sigmoid", x)])
    return made


def _mish(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Mul", [x[0], w.add("Tanh", [w.add("Softplus", x)])])
    return made


def _log_sigmoid(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Neg", [w.add("Softplus", [w.add("Neg", x)])])
    return made


def _hard_sigmoid(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("HardSigmoid", x, alpha=1 / 6, beta=0.5)
    return made


def _hard_tanh(w: Writer, op: Operation, x: list[str]) -> str:
    bounds = [w.like(op.attributes[end], x[0]) for end in ("min_val", "max_val")]
    made: str = w.add("Clip", [x[0], *bounds])
    return made


def _soft_plus(w: Writer, op: Operation, x: list[str]) -> str:
    """Return log(1 + exp(beta * x)) / beta, and x itself above the threshold, where both agree."""
    beta = float(op.attributes.get("beta", 1.0))
    if beta == 1.0:
        made: str = w.add("Softplus", x)
        return made
    scaled = w.add("Softplus", [w.add("Mul", [x[0], w.like(beta, x[0])])])
    return str(w.add("Div", [scaled, w.like(beta, x[0])]))


def _shrink(bias: str, bound: str) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        width = float(op.attributes[bound])
        made: str = w.add("Shrink", x, lambd=width, bias=width if bias else 0.0)
        return made

    return emit


def _threshold(w: Writer, op: Operation, x: list[str]) -> str:
    above = w.add("Greater", [x[0], w.like(op.attributes["threshold_val"], x[0])])
    made: str = w.add("Where", [above, x[0], w.like(op.attributes["value"], x[0])])
    w.kinds[made] = w.kinds[x[0]]
    return made


def _prelu(w: Writer, op: Operation, x: list[str]) -> str:
    """Give the slope the axes behind the channel that broadcasting needs."""
    rank = len(op.operand_types[0].shape)
    count = op.operand_types[1].shape
    slope = w.reshape(x[1], [*count, *([1] * (rank - 2))]) if rank > 2 else x[1]
    made: str = w.add("PRelu", [x[0], slope])
    return made


def _last_axis(kind: str) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        made: str = w.add(kind, x, axis=-1)
        return made

    return emit


TABLE = {
    "relu": plain("Relu"),
    "sigmoid": plain("Sigmoid"),
    "tanh": plain("Tanh"),
    "softsign": plain("Softsign"),
    "selu": plain("Selu"),
    "hardswish": plain("HardSwish"),
    "elu": _named("Elu", alpha="alpha"),
    "celu": _named("Celu", alpha="alpha"),
    "leaky_relu": _named("LeakyRelu", alpha="alpha"),
    "gelu": gelu,
    "fast_gelu": _fast_gelu,
    "quick_gelu": _quick_gelu,
    "silu": _silu,
    "mish": _mish,
    "log_sigmoid": _log_sigmoid,
    "hardsigmoid": _hard_sigmoid,
    "hardtanh": _hard_tanh,
    "softplus": _soft_plus,
    "softshrink": _shrink("alpha", "alpha"),
    "hardshrink": _shrink("", "lambd"),
    "threshold": _threshold,
    "prelu": _prelu,
    "softmax": _last_axis("Softmax"),
    "log_softmax": _last_axis("LogSoftmax"),
}

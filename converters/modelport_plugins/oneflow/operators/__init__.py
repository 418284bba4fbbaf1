"""OneFlow's operators as ONNX nodes: one table a family, joined here.

An entry takes the writer, the operation and the ONNX names of its operands, and returns the
name of its first result, or a tuple of names for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.operators import (
    activation,
    comparison,
    elementwise,
    layer,
    movement,
    normalisation,
    pooling,
    reduction,
    resampling,
    selection,
)
from modelport_plugins.oneflow.writer import Writer

Emit = Callable[[Writer, Operation, "list[str]"], Any]

TABLE: dict[str, Emit] = {
    **activation.TABLE,
    **comparison.TABLE,
    **elementwise.TABLE,
    **layer.TABLE,
    **movement.TABLE,
    **normalisation.TABLE,
    **pooling.TABLE,
    **reduction.TABLE,
    **resampling.TABLE,
    **selection.TABLE,
}
BOOLEAN = comparison.BOOLEAN
"""Operators whose result is a truth value, which MLIR prints as si8."""

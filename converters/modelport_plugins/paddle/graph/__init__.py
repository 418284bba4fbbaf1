"""ONNX operators as calls of Paddle: one table a family, joined here.

Each entry takes the graph in the making, the node and its attributes, and returns the tensors that
the node makes: one, or a list. The same calls build a PIR program in Paddle 3 and a ProgramDesc
in Paddle 2.6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelport_plugins.paddle.graph import (
    elementwise,
    layer,
    movement,
    pooling,
    recurrent,
    reduction,
    resampling,
    selection,
)

Emit = Callable[[Any, Any, "dict[str, Any]"], Any]

TABLE: dict[str, Emit] = {
    **elementwise.TABLE,
    **layer.TABLE,
    **movement.TABLE,
    **pooling.TABLE,
    **recurrent.TABLE,
    **reduction.TABLE,
    **resampling.TABLE,
    **selection.TABLE,
}

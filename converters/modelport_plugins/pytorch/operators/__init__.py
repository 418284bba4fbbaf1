"""ONNX operators as lines of TorchScript source: one table a family, joined here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelport_plugins.pytorch.operators import (
    elementwise,
    layer,
    movement,
    quantised,
    recurrent,
    reduction,
    resampling,
    selection,
    sizes,
)
from modelport_plugins.pytorch.source import Source

Emit = Callable[[Source, Any, dict[str, Any]], None]

TABLE: dict[str, Emit] = {
    **elementwise.TABLE,
    **layer.TABLE,
    **movement.TABLE,
    **quantised.TABLE,
    **recurrent.TABLE,
    **reduction.TABLE,
    **resampling.TABLE,
    **selection.TABLE,
    **sizes.TABLE,
}

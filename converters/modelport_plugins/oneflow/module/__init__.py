"""ONNX operators as lines of a model.py: one table a family, joined here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelport_plugins.oneflow.module import elementwise, layer, movement, reduction, selection
from modelport_plugins.oneflow.module.source import Source

Emit = Callable[[Source, Any, dict[str, Any]], None]

TABLE: dict[str, Emit] = {
    **elementwise.TABLE,
    **layer.TABLE,
    **movement.TABLE,
    **reduction.TABLE,
    **selection.TABLE,
}

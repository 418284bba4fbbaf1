"""The constants of an OpenVINO IR."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelport_plugins.openvino.inspect import operators, read
from modelport_sdk import Context, weights


@weights(format="openvino")
def read_weights(source: Path, ctx: Context) -> Iterator[tuple[str, Any]]:
    """Yield every float constant, inner graphs included; float16 as it is stored."""
    for op in operators(read(source)):
        if op.get_type_name() != "Constant":
            continue
        element = op.get_element_type().get_type_name()
        if element in ("f32", "f16", "f64"):
            yield op.get_friendly_name(), op.data.copy()

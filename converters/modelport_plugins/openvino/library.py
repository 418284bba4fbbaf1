"""The ``openvino`` package without its telemetry, and what its models call their ports."""

from __future__ import annotations

import sys
from typing import Any

# Source: openvino 2026.4, src/core/include/openvino/core/type/element_type.hpp.
DTYPES = {
    "f64": "float64",
    "f32": "float32",
    "f16": "float16",
    "bf16": "bfloat16",
    "boolean": "bool",
    "string": "string",
    **{
        f"{sign}{bits}": f"{sign and name}{bits}"
        for sign, name in (("i", "int"), ("u", "uint"))
        for bits in (1, 2, 3, 4, 6, 8, 16, 32, 64)
    },
}


def library() -> Any:
    """Return the package ``openvino``, imported so that it reports to nobody.

    Where openvino-telemetry is installed, importing openvino writes to the home folder and
    sends an event. An ImportError makes it take its own stub instead
    (``openvino/tools/ovc/telemetry_utils.py``).
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # "do not import"
    import openvino

    return openvino


def port_name(port: Any, index: int, kind: str) -> str:
    """Return what a port is called: its first tensor name, else e.g. ``"output_0"``."""
    names = sorted(port.get_names())
    return str(names[0]) if names else f"{kind}_{index}"


def port_names(ports: Any, kind: str) -> list[str]:
    """Return a name for each port, in order."""
    return [port_name(port, index, kind) for index, port in enumerate(ports)]


def port_shape(port: Any) -> list[int | None] | None:
    """Return a port's sizes, None for those left open; None where the rank is open."""
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        return None
    return [size.get_length() if size.is_static else None for size in shape]


def port_dtype(port: Any) -> str:
    """Return NumPy's name of a port's element type."""
    name = port.get_element_type().get_type_name()
    return DTYPES.get(name, str(name))

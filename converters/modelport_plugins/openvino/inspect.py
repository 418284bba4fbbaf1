"""What is in an OpenVINO IR, as OpenVINO itself reads it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelport_plugins.openvino.guard import check_ir
from modelport_plugins.openvino.library import DTYPES, library, port_dtype, port_names, port_shape
from modelport_sdk import Context, CorruptModel, first_line, inspector

BODIES = {"If": 2, "Loop": 1, "TensorIterator": 1}  # graphs that an operator holds
UNCOUNTED = ("Parameter", "Result", "Constant")


@inspector(format="openvino")
def inspect(source: Path, ctx: Context) -> dict[str, Any]:
    """Return ports, operator counts and the numbers of elements by type.

    Raises:
        CorruptModel: The ``.xml`` or its ``.bin`` cannot be read.
    """
    model = read(source)
    operations = list(operators(model))
    counts = Counter(op.get_type_name() for op in operations if not _passive(op))
    parameters: Counter[str] = Counter()
    for op in operations:
        if op.get_type_name() == "Constant":
            kind = op.get_element_type().get_type_name()
            parameters[DTYPES.get(kind, kind)] += math.prod(op.get_output_shape(0))
    version = model.get_rt_info("Runtime_version") if _has(model, "Runtime_version") else None
    return {
        "format": "openvino",
        "inputs": _ports(model.inputs, "input"),
        "outputs": _ports(model.outputs, "output"),
        "operators": dict(counts.most_common()),
        "parameters": dict(parameters),
        "opsets": {},
        "producer": f"OpenVINO {version.astype(str)}" if version is not None else "OpenVINO",
        "nodes": sum(counts.values()),
        "metadata": {"name": model.get_friendly_name()},
        "details": {},
    }


def read(source: Path) -> Any:
    """Return the model in ``source``.

    Raises:
        CorruptModel: It cannot be read.
        UnsafeModel: It declares a document type.
    """
    check_ir(source)
    openvino = library()
    weights = source.with_suffix(".bin")
    try:
        if weights.is_file():
            return openvino.Core().read_model(str(source), str(weights))
        return openvino.Core().read_model(str(source))
    except RuntimeError as exc:
        lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
        raise CorruptModel(
            f"openvino cannot read this ir: {(lines or [first_line(exc)])[-1][:200]}",
            hint="Check that the .bin of the same export lies beside the .xml.",
        ) from exc


def operators(model: Any) -> Iterator[Any]:
    """Yield every operation, those inside of If, Loop and TensorIterator too."""
    for op in model.get_ops():
        yield op
        for index in range(BODIES.get(op.get_type_name(), 0)):
            yield from operators(op.get_function(index))


def _ports(ports: Any, kind: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "dtype": port_dtype(port), "shape": port_shape(port), "hints": {}}
        for name, port in zip(port_names(ports, kind), ports)
    ]


def _passive(op: Any) -> bool:
    return op.get_type_name() in UNCOUNTED


def _has(model: Any, key: str) -> bool:
    return bool(model.has_rt_info(key))

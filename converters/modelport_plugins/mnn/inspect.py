"""What is in an MNN model: ports as MNN reads them, operators from the file itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.mnn import flatbuffer
from modelport_plugins.mnn.operators import UNCOUNTED, operator_name
from modelport_plugins.mnn.runtime import numpy_dtype, open_module
from modelport_sdk import Context, CorruptModel, inspector


@inspector(format="mnn")
def inspect(source: Path, ctx: Context) -> dict[str, Any]:
    """Return ports and operator counts; MNN tells outputs by name only.

    Raises:
        CorruptModel: The file is damaged, or MNN cannot load it.
    """
    try:
        numbers = list(flatbuffer.op_types(source.read_bytes()))
    except flatbuffer.Malformed as exc:
        raise CorruptModel(
            "the file is no complete mnn model", hint="Upload the file again, in full."
        ) from exc
    counts = Counter(map(operator_name, numbers))
    for name in UNCOUNTED:
        counts.pop(name, None)
    info = open_module(source, "plain", ctx).get_info()
    inputs = [
        {"name": name, "dtype": numpy_dtype(port.dtype), "shape": _shape(port.shape), "hints": {}}
        for name, port in zip(info["inputNames"], info["inputs"])
    ]
    outputs = [
        {"name": name, "dtype": "float32", "shape": None, "hints": {}}
        for name in info["outputNames"]
    ]
    return {
        "format": "mnn",
        "inputs": inputs,
        "outputs": outputs,
        "operators": dict(counts.most_common()),
        "parameters": {},
        "opsets": {},
        "producer": f"MNN {info.get('version', '')}".strip(),
        "nodes": sum(counts.values()),
        "metadata": {"bizCode": str(info.get("bizCode", ""))},
        "details": {"layouts": {n: _layout(p) for n, p in zip(info["inputNames"], info["inputs"])}},
    }


def _shape(sizes: Any) -> list[int | None]:
    return [int(size) if size >= 0 else None for size in sizes]


def _layout(port: Any) -> str:
    return str(port.data_format).rpartition(".")[2]

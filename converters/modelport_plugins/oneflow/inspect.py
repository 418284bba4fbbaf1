"""What is in a saved nn.Graph, read from its text and the ``meta`` files beside it."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import variable
from modelport_plugins.oneflow.graph import FRAME, ports, refuse_unsaved
from modelport_plugins.oneflow.mlir import read
from modelport_plugins.oneflow.operators import TABLE
from modelport_sdk import Context, inspector


@inspector(format="oneflow")
def inspect(source: Path, ctx: Context) -> dict[str, Any]:
    """Return inputs, outputs and operators; sizes of variables are checked, none is read.

    Raises:
        CorruptModel: The text is damaged, or a variable is missing or of another size.
        UnsupportedFeature: OneFlow did not save a tensor that an operator reads.
    """
    operations = read(source)
    refuse_unsaved(operations, source.parent)
    inputs, outputs = ports(operations)
    counts = Counter(one.kind for one in operations if one.kind not in FRAME)
    elements: Counter[str] = Counter()
    for one in operations:
        if one.kind == "variable":
            shape, kind = variable.meta(source.parent, one.name)
            variable.check(source.parent, one.name, shape, kind)
            elements[kind] += math.prod(shape)
    return {
        "format": "oneflow",
        "inputs": [{**port, "hints": {}} for port in inputs],
        "outputs": outputs,
        "operators": dict(counts.most_common()),
        "parameters": dict(elements),
        "opsets": {},
        "producer": "OneFlow",
        "nodes": sum(counts.values()),
        "metadata": {},
        "details": {"unread_operators": sorted(set(counts) - set(TABLE))},
    }

"""What a model.py says of itself, read as text; it is not run."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import state
from modelport_plugins.oneflow.module import guard
from modelport_sdk import Context, CorruptModel, inspector

CALL = re.compile(r"\b((?:T|F|nn)\.\w+)\(")


@inspector(format="oneflow-code")
def inspect_code(source: Path, ctx: Context) -> dict[str, Any]:
    """Return inputs, outputs and the functions called.

    Raises:
        UnsafeModel: It says something that modelport does not write.
        CorruptModel: The weights are not there.
    """
    text = source.read_text("utf-8", "replace")
    ports = guard.ports(text)
    found = state.shapes(weights(source))
    counts = Counter(CALL.findall(text.partition("def __init__")[2]))
    elements: Counter[str] = Counter()
    for shape, kind in found.values():
        size = 1
        for length in shape:
            size *= length
        elements[kind] += size
    described = {
        key: [{"name": one[1], "dtype": one[2], "shape": one[3]} for one in entries]
        for key, entries in ports.items()
    }
    return {
        "format": "oneflow-code",
        "inputs": [{**port, "hints": {}} for port in described["inputs"]],
        "outputs": described["outputs"],
        "operators": dict(counts.most_common()),
        "parameters": dict(elements),
        "opsets": {},
        "producer": "modelport",
        "nodes": sum(counts.values()),
        "metadata": {},
        "details": {"sources": [one[0] for one in ports["inputs"]]},
    }


def weights(source: Path) -> Path:
    """Return the main file of the one folder of weights beside ``source``.

    Raises:
        CorruptModel: There is none, or there are several.
    """
    found = sorted(source.parent.glob(f"*/{state.DONE}"))
    if len(found) != 1:
        raise CorruptModel(
            f"{len(found)} folders of weights stand beside {source.name}, not one",
            hint="Send the .py together with its folder of weights.",
        )
    return found[0]

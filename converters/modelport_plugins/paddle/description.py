"""What both kinds of programs say of themselves, in one form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.paddle import parameters

FRAME = {"feed", "fetch", "data", "parameter", "combine", "split", "shadow_output", "yield"}


@dataclass(frozen=True)
class Variable:
    """A tensor of a program: its name, NumPy type, and sizes, None for those left open."""

    name: str
    kind: str
    shape: tuple[int | None, ...]

    @property
    def port(self) -> dict[str, Any]:
        """Return it as docs/protocol.md writes a port."""
        return {"name": self.name, "dtype": self.kind, "shape": list(self.shape)}


@dataclass(frozen=True)
class Description:
    """A program without its weights.

    Attributes:
        inputs: What is fed, in order.
        outputs: What is fetched, in order.
        operators: How often each operator occurs, inner blocks included.
        weights: What stands in the file beside it.
        version: Of the format, or of the Paddle that wrote it; "" if it does not say.
    """

    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    operators: Mapping[str, int]
    weights: tuple[Variable, ...]
    version: str = ""

    def held(self, source: Path) -> dict[str, parameters.Tensor]:
        """Return the weights beside ``source`` by name.

        Raises:
            CorruptModel: They are not those of this program.
        """
        wanted: Sequence[Any] = [(one.name, one.kind, one.shape) for one in self.weights]
        return parameters.named(source, wanted)

    def json(self, format: str, source: Path) -> dict[str, Any]:
        """Return what an inspector returns; the weights are checked against the program.

        Raises:
            CorruptModel: They are not those of this program.
        """
        elements: Counter[str] = Counter()
        for tensor in self.held(source).values():
            elements[tensor.kind] += math.prod(tensor.shape)
        counts = {name: n for name, n in self.operators.items() if name not in FRAME}
        return {
            "format": format,
            "inputs": [{**one.port, "hints": {}} for one in self.inputs],
            "outputs": [one.port for one in self.outputs],
            "operators": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
            "parameters": dict(elements),
            "opsets": {},
            "producer": f"Paddle {self.version}".strip(),
            "nodes": sum(counts.values()),
            "metadata": {},
            "details": {},
        }

"""Collects the layers and the lines of a model.py while an ONNX graph is walked."""

from __future__ import annotations

import keyword
import re
from typing import Any

from modelport_sdk import UnsupportedFeature

TAKEN = {"T", "F", "nn", "np", "os", "re", "sys", "self", "super", "Model", "load", "tuple"}
LONGEST = 40  # letters of a variable


class Source:
    """What is known of the graph, and what was written so far.

    Attributes:
        held: Constants by ONNX name.
        shapes: Sizes by ONNX name.
        kinds: NumPy type by ONNX name.
        init: Lines of ``__init__``.
        body: Lines of ``forward``.
        state: The state_dict: arrays by dotted name.
        names: Python name of each ONNX tensor that a line has made.
    """

    def __init__(self, held: dict[str, Any], shapes: dict[str, Any], kinds: dict[str, str]) -> None:
        self.held, self.shapes, self.kinds = held, shapes, kinds
        self.init: list[str] = []
        self.body: list[str] = []
        self.state: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self._used = set(TAKEN)
        self._placed: dict[str, str] = {}

    def fresh(self, wanted: str) -> str:
        """Return a Python name after ``wanted`` that nothing has yet."""
        plain = (
            re.sub(r"\W", "_", wanted, flags=re.ASCII).strip("_")[-LONGEST:].lstrip("_") or "value"
        )
        if not plain[0].isalpha() or keyword.iskeyword(plain):
            plain = f"v{plain}"
        name, count = plain, 1
        while name in self._used:
            count += 1
            name = f"{plain}_{count}"
        self._used.add(name)
        return name

    def set(self, output: str, expression: str) -> None:
        """Add the line that makes the tensor ``output``."""
        if not output:
            return
        self.names[output] = self.fresh(output)
        self.body.append(f"{self.names[output]} = {expression}")

    def shape(self, name: str) -> list[int]:
        """Return the sizes of a tensor.

        Raises:
            UnsupportedFeature: They depend on values.
        """
        sizes = self.shapes.get(name)
        if sizes is None or not all(isinstance(size, int) for size in sizes):
            raise UnsupportedFeature(f"the shape of {name} is not known before the model runs")
        return list(sizes)

    def tensor(self, name: str) -> str:
        """Return an expression for a tensor; a constant becomes a parameter or a buffer."""
        if name in self.names:
            return self.names[name]
        if name not in self.held:
            raise UnsupportedFeature(f"{name} is used and never made")
        if name not in self._placed:
            self._placed[name] = self.constant(name, self.held[name])
        return f"self.{self._placed[name]}"

    def constant(self, wanted: str, array: Any) -> str:
        """Register an array under a fresh name and return that."""
        import numpy as np

        name = self.fresh(wanted)
        self.state[name] = np.asarray(array)
        kind, sizes = self.state[name].dtype.name, tuple(self.state[name].shape)
        if kind.startswith("float"):
            empty = f"nn.Parameter(T.zeros({sizes}, dtype=T.{kind}), requires_grad=False)"
            self.init.append(f'self.register_parameter("{name}", {empty})')
        else:
            self.init.append(f'self.register_buffer("{name}", T.zeros({sizes}, dtype=T.{kind}))')
        return name

    def operand(self, name: str) -> str:
        """Return an expression for one side of arithmetic; a constant without axes as a number."""
        array = self.held.get(name)
        if name not in self.names and array is not None and array.ndim == 0:
            return literal(array.item())
        return self.tensor(name)

    def value(self, name: str) -> Any:
        """Return a constant.

        Raises:
            UnsupportedFeature: It is computed at run time.
        """
        if name not in self.held:
            raise UnsupportedFeature(f"{name} must be a constant")
        return self.held[name]

    def numbers(self, name: str) -> list[int]:
        """Return a constant list of whole numbers."""
        return [int(number) for number in self.value(name).reshape(-1)]

    def layer(self, wanted: str, made: str, **arrays: Any) -> str:
        """Add a layer of ``nn`` with its weights; return ``self.name``."""
        name = self.fresh(wanted)
        self.init.append(f"self.{name} = {made}")
        self.state.update({f"{name}.{key}": array for key, array in arrays.items()})
        return f"self.{name}"


def literal(value: Any) -> str:
    """Return a number as Python text; infinities and NaN too."""
    if isinstance(value, float) and (value != value or value in {float("inf"), -float("inf")}):  # noqa: PLR0124
        return f'float("{value}")'
    return repr(value)

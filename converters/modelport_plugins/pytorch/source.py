"""Writes a graph down as the source of a TorchScript module, one line a node.

Small integer tensors that describe sizes are kept as ``int`` and ``list[int]`` in the
source: TorchScript computes them without tensors, and ``torch.export`` keeps them symbolic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from modelport_sdk import UnsupportedFeature

# Constants of up to so many integers stand in the source itself, longer ones beside it.
INLINE = 64


@dataclass(frozen=True)
class Value:
    """What an ONNX name stands for in the source.

    Attributes:
        kind: ``tensor``, ``int``, ``ints`` (a list) or ``bool``; ``const`` for an array.
        text: The expression, a variable's name as a rule.
        array: The constant itself.
    """

    kind: str
    text: str = ""
    array: Any = None


@dataclass
class Source:
    """The source of one ``forward`` while it is written.

    Attributes:
        opset: Version of the ONNX operator set.
        lines: Indented statements so far.
        state: Tensors of the module by attribute name.
    """

    opset: int
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    lines: list[str] = field(default_factory=list[str])
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    indent: int = 2
    count: int = 0
    held: dict[tuple[int, str], str] = field(default_factory=dict[tuple[int, str], str])
    lengths: dict[str, int] = field(default_factory=dict[str, int])
    pinned: list[Any] = field(default_factory=list[Any])

    def line(self, text: str) -> None:
        """Add one statement."""
        self.lines.append("    " * self.indent + text)

    def fresh(self) -> str:
        """Return a new variable name."""
        self.count += 1
        return f"v{self.count}"

    def const(self, name: str) -> Any:
        """Return the array that ``name`` stands for; None if it is computed."""
        value = self.values.get(name)
        return None if value is None else value.array

    def kind(self, name: str) -> str:
        """Return the kind of ``name``: constants of few integers count as ints."""
        value = self.values[name]
        if value.kind != "const":
            return value.kind
        array = value.array
        if array.dtype.kind == "b" and array.size == 1:
            return "bool" if array.ndim == 0 else "tensor"
        if array.dtype.kind not in "iu" or array.ndim > 1 or array.size > INLINE:
            return "tensor"
        return "int" if array.ndim == 0 else "ints"

    def tensor(self, name: str) -> str:
        """Return an expression for ``name`` as a tensor."""
        value = self.values[name]
        if value.kind == "const":
            return self.attribute(name, value.array)
        wrap = {"int": "size.scalar", "ints": "size.tensor", "bool": "size.condition"}
        return f"{wrap[value.kind]}({value.text})" if value.kind in wrap else value.text

    def optional(self, names: Sequence[str], place: int) -> str:
        """Return the tensor at ``place`` among a node's inputs, or ``None``."""
        given = place < len(names) and names[place]
        return self.tensor(names[place]) if given else "None"

    def attribute(self, name: str, array: Any, note: str = "") -> str:
        """Keep ``array`` in the module; return the expression for it."""
        from modelport_plugins.pytorch.port import identifiers

        key = (id(array), note)
        if key not in self.held:
            stem = identifiers([f"{name}{note}"])[0].strip("_") or "constant"
            stem = f"w_{stem}" if stem[0].isdigit() or stem in _reserved() else stem
            unique, number = stem, 1
            while unique in self.state:
                number += 1
                unique = f"{stem}_{number}"
            self.state[unique] = array
            self.held[key] = unique
        return f"self.{self.held[key]}"

    def ints(self, name: str) -> str:
        """Return an expression for ``name`` as a list of integers."""
        value = self.values[name]
        if value.kind == "const":
            return str([int(item) for item in value.array.reshape(-1)])
        forms = {"ints": "{}", "int": "[{}]", "bool": "[int({})]", "tensor": "size.ints({})"}
        return forms[value.kind].format(value.text)

    def int(self, name: str) -> str:
        """Return an expression for ``name`` as one integer."""
        value = self.values[name]
        if value.kind == "const":
            return str(int(value.array.reshape(-1)[0]))
        forms = {"ints": "{}[0]", "int": "{}", "bool": "int({})", "tensor": "size.integer({})"}
        return forms[value.kind].format(value.text)

    def bool(self, name: str) -> str:
        """Return an expression for ``name`` as one condition."""
        value = self.values[name]
        if value.kind == "const":
            return str(bool(value.array.reshape(-1)[0]))
        forms = {"ints": "({}[0] != 0)", "int": "({} != 0)", "bool": "{}"}
        return forms.get(value.kind, "size.truth({})").format(value.text)

    def set(self, name: str, text: str, kind: str = "tensor") -> None:
        """Assign an expression to a new variable that stands for ``name``."""
        variable = self.fresh()
        self.line(f"{variable}{': list[int]' if kind == 'ints' else ''} = {text}")
        self.values[name] = Value(kind, variable)

    def set_all(self, names: Sequence[str], text: str) -> None:
        """Assign a tuple of tensors; names that are "" are dropped."""
        variables = [self.fresh() for _ in names]
        self.line(f"{', '.join(variables)}{',' if len(variables) == 1 else ''} = {text}")
        for name, variable in zip(names, variables, strict=True):
            if name:
                self.values[name] = Value("tensor", variable)


def _reserved() -> frozenset[str]:
    """Return the attribute names that modules use themselves, and those of emitted code."""
    import torch

    return frozenset(dir(torch.jit.ScriptModule)) | {"training", "array", "index", "pool", "size"}


def attributes(node: Any) -> dict[str, Any]:
    """Return the node's attributes as Python values; graphs stay what they are."""
    import onnx

    found = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        elif isinstance(value, list) and value and isinstance(value[0], bytes):
            value = [item.decode("utf-8", "replace") for item in value]
        if attribute.ref_attr_name:
            raise UnsupportedFeature("a local function was left in the graph")
        found[attribute.name] = value
    return found


def dtype(elem_type: int) -> str:
    """Return the PyTorch dtype of an ONNX element type as source text.

    Raises:
        UnsupportedFeature: PyTorch has no such type.
    """
    import onnx

    name = onnx.TensorProto.DataType.Name(elem_type).lower()
    known = {"float": "float32", "double": "float64"}
    name = known.get(name, name)
    if name not in {"float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64",
                    "uint8", "uint16", "uint32", "uint64", "bool"}:  # fmt: skip
        raise UnsupportedFeature(f"PyTorch has no tensors of type {name}")
    return f"torch.{name}"

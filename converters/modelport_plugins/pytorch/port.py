"""Names for the inputs and outputs of PyTorch models, which have positions rather than names.

A lone tensor is ``out0``; the leaves of tuples and lists are ``out0``, ``out1``, ... in the
order in which they are flattened; the values of dictionaries go by their keys, and the
fields of named tuples by theirs.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Argument:
    """One argument of a TorchScript ``forward``.

    Attributes:
        name: As in the signature.
        kind: ``tensor``, ``int``, ``float``, ``bool``, ``tensors`` (a list) or ``tuple``.
        leaves: Names of the tensors it consists of, one for all kinds but ``tuple``.
    """

    name: str
    kind: str
    leaves: tuple[str, ...]


KINDS = {"Tensor": "tensor", "int": "int", "float": "float", "bool": "bool", "number": "float"}
DTYPES = {"int": "int64", "float": "float32", "bool": "bool"}


def arguments(module: Any) -> tuple[Argument, ...]:
    """Return the arguments of a ScriptModule's ``forward`` that have to be fed.

    Raises:
        TypeError: One is of a type that no array can stand for.
    """
    schema = module._c._get_method("forward").schema  # noqa: SLF001  # no public way to it
    found = []
    for argument in schema.arguments[1:]:
        text = str(argument.type)
        if argument.has_default_value() and text != "Tensor":
            continue  # optional extras keep their defaults
        kind = KINDS.get(text.removeprefix("Optional[").rstrip("]"), "")
        if not kind and argument.type.kind() == "TupleType":
            elements = argument.type.elements()
            if all(str(element) == "Tensor" for element in elements):
                names = tuple(f"{argument.name}_{i}" for i in range(len(elements)))
                found.append(Argument(argument.name, "tuple", names))
                continue
        if not kind and text == "List[Tensor]":
            kind = "tensors"
        if not kind:
            raise TypeError(f"argument {argument.name} is of type {text[:80]}")
        found.append(Argument(argument.name, kind, (argument.name,)))
    return tuple(found)


def values(fed: tuple[Argument, ...], tensors: Mapping[str, Any]) -> list[Any]:
    """Return the positional arguments for ``forward`` out of tensors by name."""
    build = {
        "tensor": lambda leaves: leaves[0],
        "tuple": tuple,
        "tensors": list,
        "int": lambda leaves: int(leaves[0].reshape(-1)[0]),
        "float": lambda leaves: float(leaves[0].reshape(-1)[0]),
        "bool": lambda leaves: bool(leaves[0].reshape(-1)[0]),
    }
    return [build[arg.kind]([tensors[leaf] for leaf in arg.leaves]) for arg in fed]


def named(outputs: Any) -> dict[str, Any]:
    """Return the tensors of whatever ``forward`` returned, by stable names, in order."""
    result: dict[str, Any] = {}
    for key, value in _leaves(outputs, ""):
        name = key or f"out{sum(1 for old in result if re.fullmatch(r'out[0-9]+', old))}"
        stem, number = name, 1
        while name in result:
            number += 1
            name = f"{stem}_{number}"
        result[name] = value
    return result


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor | bool | int | float):
        yield key, torch.as_tensor(value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, str(name))
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for name, item in zip(value._fields, value, strict=True):
            yield from _leaves(item, name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _leaves(item, key)


def identifiers(names: Sequence[str]) -> list[str]:
    """Return legal, distinct Python names as close to ``names`` as they can be."""
    result: list[str] = []
    for name in names:
        clean = re.sub(r"\W", "_", name, flags=re.ASCII) or "x"
        if clean[0].isdigit() or keyword.iskeyword(clean) or clean in {"self", "torch", "Tensor"}:
            clean = f"x_{clean}"
        stem, number = clean, 1
        while clean in result:
            number += 1
            clean = f"{stem}_{number}"
        result.append(clean)
    return result

"""Reads ``model.mlir``, the text in which OneFlow saves a compiled nn.Graph.

One operation a line: ``%y = "oneflow.conv2d"(%x, %w) {strides = [1 : si32]} : (types) -> type``.
Source: OneFlow 0.9.0, ``oneflow/ir/oneflow-translate``, as ``oneflow.save(graph, folder)`` prints.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_sdk import CorruptModel

TENSOR = re.compile(r"tensor<((?:\d+x)*)(\w+)>")
HEXADECIMAL = re.compile(r"0x([0-9A-Fa-f]+)(?: : (f16|f32|f64))?")
NUMBER = re.compile(r"-?\d+(\.\d*(?:[eE][-+]?\d+)?)?(?: : (\w+))?")
WIDTHS = {"f16": "<e", "f32": "<f", "f64": "<d"}
MOST, DEEPEST = 10_000, 16  # results of one operation; lists in lists in an attribute
OPENING, CLOSING = "[{(<", "]})>"


@dataclass(frozen=True)
class Type:
    """A tensor type: sizes, and MLIR's word for the element (``f32``, ``si64``, ...)."""

    shape: tuple[int, ...]
    element: str


@dataclass(frozen=True)
class Operation:
    """One line.

    Attributes:
        kind: OneFlow's operator, e.g. ``conv2d``.
        name: OneFlow's name of this one, e.g. ``m.layer1.0.conv1-conv2d-3``.
    """

    kind: str
    name: str
    operands: tuple[str, ...]
    results: tuple[str, ...]
    attributes: dict[str, Any]
    operand_types: tuple[Type, ...]
    result_types: tuple[Type, ...]


def read(path: Path) -> list[Operation]:
    """Return the operations in order, the last one of kind ``return``.

    Raises:
        CorruptModel: It is no complete text of this form; the line is named.
    """
    operations = []
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise CorruptModel("model.mlir is no text") from exc
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found = _operation(line.strip())
        except (ValueError, IndexError, KeyError, OverflowError, RecursionError) as exc:
            raise CorruptModel(
                f"model.mlir cannot be read at line {number}: {line.strip()[:80]!r}",
                hint="Save the graph again with oneflow.save(graph, folder).",
            ) from exc
        if found is not None:
            operations.append(found)
    if not operations or operations[-1].kind != "return":
        raise CorruptModel(
            "model.mlir ends before its graph does",
            hint="Transfer it again, or save the graph again with oneflow.save(graph, folder).",
        )
    return operations


def _operation(line: str) -> Operation | None:
    if line.startswith("oneflow.return"):
        head = line.partition(":")[0]
        return Operation("return", "", tuple(re.findall(r"%[\w#]+", head)), (), {}, (), ())
    left, quote, rest = line.partition('"oneflow.')
    if not quote or (left and not left.rstrip().endswith("=")):
        return None
    kind, _, rest = rest.partition('"')
    operands, rest = _bracketed(rest)
    attributes, rest = _bracketed(rest.lstrip()) if rest.lstrip().startswith("{") else ("", rest)
    _, colon, types = rest.partition(":")
    if not colon:
        raise ValueError(line)
    fed, made = _signature(types.strip())
    given = dict(_attributes(attributes))
    results = tuple(_results(left.rpartition("=")[0]))
    if len(results) != len(made):
        raise ValueError(line)
    values = tuple(part for part in split(operands) if part)
    name = str(given.get("op_name", ""))
    return Operation(kind, name, values, results, given, fed, made)


def _results(text: str) -> Iterator[str]:
    """Yield ``%a``, ``%b`` of ``%a, %b``, and ``%x#0``, ``%x#1`` of ``%x:2``."""
    for part in split(text):
        name, colon, count = part.partition(":")
        if colon and int(count) > MOST:
            raise ValueError(text)
        if colon:
            yield from (f"{name}#{index}" for index in range(int(count)))
        elif name:
            yield name


def _signature(text: str) -> tuple[tuple[Type, ...], tuple[Type, ...]]:
    fed, rest = _bracketed(text)
    arrow, _, made = rest.partition("->")
    if arrow.strip():
        raise ValueError(text)
    made = made.strip()
    inner = _bracketed(made)[0] if made.startswith("(") else made
    return tuple(map(_type, split(fed))), tuple(map(_type, split(inner)))


def _type(text: str) -> Type:
    found = TENSOR.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return Type(tuple(int(size) for size in found[1].split("x") if size), found[2])


def _depths(text: str) -> Iterator[tuple[int, str, int]]:
    """Yield place, character and depth in brackets behind it, for all that is not quoted."""
    depth, quoted = 0, False
    for place, char in enumerate(text):
        if char == '"' and text[place - 1] != "\\":
            quoted = not quoted
        if quoted:
            continue
        depth += char in OPENING
        depth -= char in CLOSING and not (char == ">" and text[place - 1] == "-")
        yield place, char, depth


def _bracketed(text: str) -> tuple[str, str]:
    """Return what stands in the bracket that ``text`` begins with, and what follows it."""
    for place, _, depth in _depths(text):
        if depth == 0:
            if place == 0:
                break
            return text[1:place], text[place + 1 :]
    raise ValueError(text)


def split(text: str) -> list[str]:
    """Return the parts between the commas that stand in no bracket and no quotes."""
    parts, start = [], 0
    for place, char, depth in _depths(text):
        if char == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def _attributes(text: str) -> Iterator[tuple[str, Any]]:
    for part in split(text):
        key, equals, value = part.partition("=")
        yield key.strip(), _value(value.strip()) if equals else True


def _value(text: str, depth: int = 0) -> Any:
    """Return a number, a truth, a text, or a list of these; other words as they stand."""
    if depth > DEEPEST:  # each level is read once more than the one around it
        raise ValueError(text)
    if text.startswith("["):
        return [_value(part, depth + 1) for part in split(_bracketed(text)[0])]
    if text.startswith("dense<"):
        return _value(_bracketed(text.removeprefix("dense"))[0], depth + 1)
    if text.startswith('"'):
        return text[1 : text.rindex('"')]
    return text == "true" if text in {"true", "false"} else _number(text)


def _number(text: str) -> Any:
    """Return an int or a float; a word that is neither as it stands."""
    if found := HEXADECIMAL.fullmatch(text):  # infinities and NaN are printed as their bits
        width = WIDTHS[found[2] or "f64"]
        size = struct.calcsize(width)
        return struct.unpack(width, int(found[1], 16).to_bytes(size, "little"))[0]
    if found := NUMBER.fullmatch(text):
        word = text.partition(" :")[0]
        return float(word) if found[1] or (found[2] or "").startswith("f") else int(word)
    return text

"""Reads a ProgramDesc, the protobuf message of a ``.pdmodel``.

Source: Paddle 2.6, ``paddle/fluid/framework/framework.proto``; field numbers are its.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.paddle.description import Description, Variable
from modelport_plugins.paddle.parameters import KINDS
from modelport_plugins.paddle.protobuf import fields, integers, text
from modelport_sdk import CorruptModel

BLOCKS, VERSION = 1, 4  # ProgramDesc
VARIABLES, OPERATORS = 3, 4  # BlockDesc
NAME, TYPE, PERSISTABLE = 1, 2, 3  # VarDesc
DENSE = 7  # VarType.Type LOD_TENSOR; feed and fetch lists and readers are persistable too
ATTRIBUTES = 4  # OpDesc


def describe(source: Path) -> Description:
    """Return what is in a ``.pdmodel``.

    Raises:
        CorruptModel: It is no such message, or ends too early.
    """
    try:
        program = fields(source.read_bytes())
        blocks = [fields(block) for block in program[BLOCKS]]
        return _described(program, blocks)
    except (TypeError, LookupError, ValueError, AttributeError) as exc:
        raise CorruptModel("the .pdmodel is no ProgramDesc", hint="Transfer it again.") from exc


def _described(program: Any, blocks: list[Any]) -> Description:
    if not blocks:
        raise CorruptModel("the .pdmodel holds no block", hint="Transfer it again.")
    variables, weights = {}, []
    for told in map(fields, blocks[0][VARIABLES]):
        made = _variable(told)
        if made is not None:
            variables[made.name] = made
            if told[PERSISTABLE][-1:] == [1]:
                weights.append(made)
    operators = [fields(one) for block in blocks for one in block[OPERATORS]]
    counts = Counter(text(one[3]) for one in operators)
    main = [fields(one) for one in blocks[0][OPERATORS]]
    inputs = [variables[name] for name in _framed(main, "feed", 2)]
    outputs = [variables[name] for name in _framed(main, "fetch", 1)]
    return Description(
        tuple(inputs), tuple(outputs), counts, tuple(weights), _version(program[VERSION])
    )


def _variable(told: Any) -> Variable | None:
    """Return a dense tensor; None for lists, readers and scopes."""
    type_ = fields(told[TYPE][-1])
    if type_[1][-1] != DENSE or not type_[3]:
        return None
    tensor = fields(fields(type_[3][-1])[1][-1])
    sizes = tuple(None if size < 0 else size for size in integers(tensor[2]))
    kind = tensor[1][-1]
    return Variable(text(told[NAME]), KINDS.get(kind, f"type {kind}"), sizes)


def _framed(operators: list[Any], kind: str, side: int) -> list[str]:
    """Return what ``feed`` makes (side 2) or ``fetch`` takes (side 1), by column."""
    found = []
    for one in operators:
        if text(one[3]) != kind:
            continue
        column = 0
        for attribute in map(fields, one[ATTRIBUTES]):
            if text(attribute[1]) == "col":
                column = (attribute[3] or [0])[-1]
        (port,) = map(fields, one[side])
        found.append((column, text(port[2])))
    return [name for _, name in sorted(found)]


def _version(told: list[Any]) -> str:
    number = (fields(told[-1])[1] or [0])[-1] if told else 0
    parts = (number // 1_000_000, number // 1000 % 1000, number % 1000)
    return ".".join(map(str, parts)) if number else ""

"""Reads what ``oneflow.save(state_dict, folder)`` pickled, by walking it: nothing is unpickled.

A state_dict needs 30 of the pickle machine's opcodes and three names to call; here they build
plain values, and any other name ends the walk.
Source: ``pickletools`` of the standard library; OneFlow 0.9.0, ``check_point_v2.py``.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelport_sdk import CorruptModel, UnsafeModel, UnsupportedFeature

MARK = object()
DICTIONARY = "collections.OrderedDict"
LONGEST = 1000  # characters of a dotted name; a level adds two at least
TENSORS = frozenset(
    {
        "oneflow.Tensor",
        "oneflow.nn.Parameter",
        "oneflow.nn.parameter.Parameter",
        "oneflow._oneflow_internal.Tensor",
    }
)
HINT = (
    "Save oneflow.save(model.state_dict(), folder) for the weights, or "
    "oneflow.save(graph, folder) of a compiled nn.Graph for weights and graph."
)


@dataclass(frozen=True)
class Name:
    """Something importable that the pickle asks for: ``Name("collections.OrderedDict")``."""

    text: str


@dataclass
class Tensor:
    """A tensor; ``folder`` is where its values lie."""

    folder: str = ""


def tensors(data: bytes) -> dict[str, str]:
    """Return the folder of each tensor of a pickled state_dict, by its dotted name.

    Raises:
        UnsafeModel: It asks for a class, as a whole module does; the class is named.
        CorruptModel: It is no complete pickle, or no state_dict.
        UnsupportedFeature: It was written by another protocol of OneFlow's.
    """
    try:
        found = _walk(data)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise CorruptModel(
            "pickled_data is damaged or no state_dict", hint="Transfer the folder again."
        ) from exc
    if not isinstance(found, dict) or "data" not in found:
        raise CorruptModel("pickled_data holds no state_dict", hint=HINT)
    if found.get("protocol_version") != 1:
        raise UnsupportedFeature(
            f"pickled_data is of OneFlow's protocol {found.get('protocol_version')!r}, not 1"
        )
    listed: dict[str, str] = {}
    _collect(found["data"], "", listed, set())
    if not listed:
        raise CorruptModel("pickled_data holds no tensor", hint=HINT)
    return listed


def _collect(value: Any, name: str, into: dict[str, str], seen: set[int]) -> None:
    """List the tensors of nested dictionaries and lists, as checkpoints of trainers have them.

    Raises:
        CorruptModel: A dictionary or list is there twice, inside of itself perhaps: forty
            that each hold the next one twice would take years.
    """
    if isinstance(value, dict | list | tuple) and value:
        if id(value) in seen or len(name) > LONGEST:
            raise CorruptModel("pickled_data holds itself", hint=HINT)
        seen.add(id(value))
    if isinstance(value, Tensor):
        into[name or "tensor"] = value.folder
    elif isinstance(value, dict):
        for key, inner in value.items():
            _collect(inner, f"{name}.{key}" if name else str(key), into, seen)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            _collect(inner, f"{name}.{place}" if name else str(place), into, seen)


def _walk(data: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "STOP":
            return stack.pop()
        if opcode.name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif "PUT" in opcode.name:
            memo[int(argument)] = stack[-1]
        elif "GET" in opcode.name:
            stack.append(memo[int(argument)])
        elif opcode.name in {"PROTO", "FRAME"}:
            continue
        else:
            STEPS[opcode.name](stack, argument)
    raise ValueError("no end")


def _marked(stack: list[Any]) -> list[Any]:
    """Return what lies above the topmost mark, and drop the mark."""
    place = len(stack) - 1
    while stack[place] is not MARK:
        place -= 1
        if place < 0:
            raise IndexError("no mark")
    items = stack[place + 1 :]
    del stack[place:]
    return items


def _push(stack: list[Any], argument: Any) -> None:
    stack.append(argument)


def _constant(value: Any) -> Callable[[list[Any], Any], None]:
    return lambda stack, _: stack.append(value)


def _empty(kind: type) -> Callable[[list[Any], Any], None]:
    return lambda stack, _: stack.append(kind())


def _tuple(count: int) -> Callable[[list[Any], Any], None]:
    def step(stack: list[Any], _: Any) -> None:
        items = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        stack.append(tuple(items))

    return step


def _global(stack: list[Any], argument: Any) -> None:
    stack.append(_allowed(str(argument).replace(" ", ".")))


def _stack_global(stack: list[Any], _: Any) -> None:
    name, module = stack.pop(), stack.pop()
    stack.append(_allowed(f"{module}.{name}"))


def _allowed(name: str) -> Name:
    if name == DICTIONARY or name in TENSORS:
        return Name(name)
    raise UnsafeModel(
        f"the folder holds a pickled {name}, whose code would have to run: no state_dict",
        hint=HINT,
    )


def _made(stack: list[Any], _: Any) -> None:
    """Build what REDUCE and NEWOBJ would: an empty dictionary or a tensor without values."""
    arguments, name = stack.pop(), stack.pop()
    if not isinstance(name, Name):
        raise TypeError(name)
    if name.text == DICTIONARY:
        stack.append(dict(*arguments))
    else:
        stack.append(Tensor())


def _state(stack: list[Any], _: Any) -> None:
    state, value = stack.pop(), stack[-1]
    if isinstance(value, Tensor):
        value.folder = str(state["path"])


def _extend(stack: list[Any], _: Any) -> None:
    items = _marked(stack)
    stack[-1].extend(items)


def _dictionary(stack: list[Any], _: Any) -> None:
    items = _marked(stack)
    stack.append(dict(zip(items[::2], items[1::2])))


def _set_items(stack: list[Any], _: Any) -> None:
    items = _marked(stack)
    for key, value in zip(items[::2], items[1::2]):
        stack[-1][key] = value


def _set_item(stack: list[Any], _: Any) -> None:
    value, key = stack.pop(), stack.pop()
    stack[-1][key] = value


STEPS: dict[str, Callable[[list[Any], Any], None]] = {
    **dict.fromkeys(
        (
            "STRING", "SHORT_BINUNICODE", "BINUNICODE", "UNICODE", "BININT", "BININT1", "BININT2",
            "LONG1", "INT", "LONG", "BINFLOAT", "FLOAT", "SHORT_BINBYTES", "BINBYTES",
        ),
        _push,
    ),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "MARK": _constant(MARK),
    "EMPTY_DICT": _empty(dict),
    "EMPTY_LIST": _empty(list),
    "EMPTY_TUPLE": _empty(tuple),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "TUPLE": lambda stack, _: stack.append(tuple(_marked(stack))),
    "APPEND": lambda stack, _: stack[-2].append(stack.pop()),
    "APPENDS": _extend,
    "DICT": _dictionary,
    "LIST": lambda stack, _: stack.append(_marked(stack)),
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _made,
    "NEWOBJ": _made,
    "BUILD": _state,
    "POP": lambda stack, _: stack.pop(),
}  # fmt: skip

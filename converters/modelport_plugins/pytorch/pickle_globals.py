"""Reads what a pickle would import and build, by walking its opcodes without running them.

The stack and the memo are followed as far as names, numbers and tuples go, so that a
STACK_GLOBAL whose strings come out of the memo is resolved as the unpickler would.
Source: ``pickletools`` of the standard library (opcode table, stack effects).
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

UNKNOWN = object()
MARK = object()
UNRESOLVED = "a name computed at load time"
NAMING = ("GLOBAL", "INST")
REBUILDS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_qtensor")
# A state dict has about 40 opcodes a tensor, so this is enough for 50,000 tensors.
OPCODES = 2_000_000
AXES, ELEMENTS = 64, 1 << 62


@dataclass(frozen=True)
class Global:
    """An importable name that a pickle asks for: ``Global("os.system")``."""

    name: str


@dataclass
class Walk:
    """What was seen on the way through one pickle.

    Attributes:
        names: Every global asked for, in order of first appearance.
        tensors: ``(dtype or "", elements)`` of every tensor that would be rebuilt.
        storages: ``(class, elements)`` by key of every storage that they refer to.
        outside: How many tensors reach beyond their storage.
        broken: Why the walk ended early; "" where it reached STOP.
        end: Offset behind the STOP opcode.
    """

    names: dict[str, int] = field(default_factory=dict[str, int])
    tensors: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    storages: dict[str, tuple[str, int]] = field(default_factory=dict[str, "tuple[str, int]"])
    outside: int = 0
    broken: str = ""
    end: int = 0
    stack: list[Any] = field(default_factory=list[Any])
    memo: dict[int, Any] = field(default_factory=dict[int, Any])

    def pop(self) -> Any:
        """Return the top of the stack; UNKNOWN where a hostile pickle has none."""
        return self.stack.pop() if self.stack else UNKNOWN

    def pop_mark(self) -> list[Any]:
        """Return what lies above the topmost mark, and drop the mark."""
        items: list[Any] = []
        while self.stack:
            item = self.stack.pop()
            if item is MARK:
                break
            items.append(item)
        return items[::-1]

    def ask(self, name: str) -> None:
        """Push a global and remember that it was asked for."""
        self.names[name] = self.names.get(name, 0) + 1
        self.stack.append(Global(name))


def walk(data: bytes, start: int = 0) -> Walk:
    """Return what the pickle at ``data[start:]`` would import and rebuild; never raises."""
    seen = Walk()
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        for count, (opcode, arg, position) in enumerate(pickletools.genops(stream)):
            if count > OPCODES:
                seen.broken = "it is unreasonably long"
                break
            # pickletools decodes escapes in a name, and the unpickler does not.
            escaped = opcode.name in NAMING and b"\\" in data[position : stream.tell()]
            ACTIONS.get(opcode.name, _other)(seen, opcode, "" if escaped else arg)
            if position is not None:
                seen.end = position + 1
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError, RecursionError) as exc:
        seen.broken = str(exc).split("\n")[0][:200] or type(exc).__name__
    except Exception as exc:  # noqa: BLE001  # whatever hostile bytes provoke in pickletools
        seen.broken = type(exc).__name__
    return seen


def _other(seen: Walk, opcode: Any, arg: Any) -> None:
    """Apply the stack effect that pickletools documents, with unknown results."""
    before = [item.name for item in opcode.stack_before]
    if "stackslice" in before:
        seen.pop_mark()
        before = before[: before.index("mark")] if "mark" in before else []
    for _ in before:
        seen.pop()
    seen.stack.extend(UNKNOWN for _ in opcode.stack_after)


def _literal(seen: Walk, opcode: Any, arg: Any) -> None:
    seen.stack.append(arg)


def _global(seen: Walk, opcode: Any, arg: Any) -> None:
    module, _, name = str(arg).partition(" ")
    # With a second space, which of them parts the two?
    seen.ask(f"{module}.{name}" if name and " " not in name else UNRESOLVED)


def _stack_global(seen: Walk, opcode: Any, arg: Any) -> None:
    name, module = seen.pop(), seen.pop()
    known = isinstance(name, str) and isinstance(module, str)
    seen.ask(f"{module}.{name}" if known else UNRESOLVED)


def _inst(seen: Walk, opcode: Any, arg: Any) -> None:
    seen.pop_mark()
    _global(seen, opcode, arg)


def _extension(seen: Walk, opcode: Any, arg: Any) -> None:
    seen.ask(UNRESOLVED)


def _put(seen: Walk, opcode: Any, arg: Any) -> None:
    if seen.stack:
        seen.memo[len(seen.memo) if opcode.name == "MEMOIZE" else int(arg)] = seen.stack[-1]


def _get(seen: Walk, opcode: Any, arg: Any) -> None:
    seen.stack.append(seen.memo.get(int(arg), UNKNOWN))


def _mark(seen: Walk, opcode: Any, arg: Any) -> None:
    seen.stack.append(MARK)


def _dup(seen: Walk, opcode: Any, arg: Any) -> None:
    seen.stack.append(seen.stack[-1] if seen.stack else UNKNOWN)


def _tuple(seen: Walk, opcode: Any, arg: Any) -> None:
    sizes = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
    if opcode.name == "TUPLE":
        items = seen.pop_mark()
    else:
        items = [seen.pop() for _ in range(sizes[opcode.name])][::-1]
    seen.stack.append(tuple(items))


def _persistent(seen: Walk, opcode: Any, arg: Any) -> None:
    """Keep torch's persistent id: ``("storage", class, key, device, elements)``."""
    found = seen.pop() if opcode.name == "BINPERSID" else arg
    if _is_storage(found):
        seen.storages[str(found[2])] = (found[1].name.rsplit(".", 1)[-1], found[4])
    seen.stack.append(("persistent", found))


def _is_storage(found: Any) -> bool:
    return (
        isinstance(found, tuple)
        and len(found) >= 5
        and isinstance(found[1], Global)
        and isinstance(found[4], int)
    )


def _reduce(seen: Walk, opcode: Any, arg: Any) -> None:
    args, callee = seen.pop(), seen.pop()
    if isinstance(callee, Global) and callee.name.startswith(REBUILDS):
        seen.tensors.append(_tensor(args))
        seen.outside += _reaches_out(args)
    seen.stack.append(UNKNOWN)


def _storage(args: Any) -> Any:
    """Return the persistent id that a tensor is built on; None where it is not plain."""
    held = args[0] if isinstance(args, tuple) and args else None
    plain = isinstance(held, tuple) and len(held) == 2 and _is_storage(held[1])
    return held[1] if plain else None


def _tensor(args: Any) -> tuple[str, int]:
    """Return dtype and element count from the arguments of ``_rebuild_tensor_v2``."""
    size = args[2] if isinstance(args, tuple) and len(args) > 2 else ()
    count = 1
    for length in size[:AXES] if isinstance(size, tuple) else ():
        count = min(count * max(length, 0), ELEMENTS) if isinstance(length, int) else 0
    storage = _storage(args)
    kind = STORAGES.get(storage[1].name.rsplit(".", 1)[-1], "") if storage else ""
    return kind, count


def _reaches_out(args: Any) -> bool:
    """Return whether offset, sizes and strides lead out of the storage.

    PyTorch's C++ reader sets them without a look at the storage (2.13,
    ``torch/csrc/jit/serialization/unpickler.cpp``, ``rebuildTensor``).
    """
    storage = _storage(args)
    if storage is None or len(args) < 4:
        return False
    offset, sizes, strides = args[1:4]
    if not isinstance(sizes, tuple) or not isinstance(strides, tuple):
        return False
    numbers = (offset, *sizes, *strides)
    if not all(isinstance(number, int) for number in numbers):
        return False
    if len(sizes) != len(strides) or min(numbers) < 0 or len(sizes) > AXES:
        return True
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides))
    return 0 not in sizes and last >= storage[4]


STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}

BYTES = {
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    **dict.fromkeys(("FloatStorage", "IntStorage", "QInt32Storage"), 4),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    "ComplexDoubleStorage": 16,
}
"""Bytes of one element, where it is not 1."""

Action = Callable[[Walk, Any, Any], None]
ACTIONS: dict[str, Action] = {
    **dict.fromkeys(
        (
            *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE"),
            *("BINUNICODE", "BINUNICODE8", "INT", "BININT", "BININT1", "BININT2", "LONG"),
            *("LONG1", "LONG4"),
        ),
        _literal,
    ),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"), _tuple),
    **dict.fromkeys(("PERSID", "BINPERSID"), _persistent),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "INST": _inst,
    "MARK": _mark,
    "DUP": _dup,
    "REDUCE": _reduce,
}

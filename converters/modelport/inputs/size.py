"""Proposes concrete shapes for a model that leaves sizes open, best guess first.

An open axis is a variable: axes that carry the same name share one. Each variable has a
role, each role a row of sizes; one candidate takes the same step in every row.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence

from modelport.errors import BadInputs
from modelport.inputs.given import Sizes, named, pinned
from modelport.inputs.role import SIZES, Role, role
from modelport.model import Description, Tensor, Tensors

LIMIT = 16  # candidates; each costs one run of the source, which the ladder's end rarely needs
POINTS = 8
SHORT = 128  # steps; the shortest sequence that is halved

# Shapes to try where even the rank is unknown, by whether the values are floats.
UNRANKED: dict[bool, tuple[Sizes, ...]] = {
    True: ((1, 3, 224, 224), (1, 16), (1, 16, 16), (1,), (), (1, 224, 224, 3), (1, 1, 28, 28)),
    False: ((1, 16), (1,), (), (16,), (1, 1)),
}
ANONYMOUS = {"", "?", "None", "-1"}  # what exporters write for "I don't know", not a name
FORMULA = 200  # characters; longer ones are names: ast's parser needs a stack for what is nested
GLUED = re.compile(r"(?<!\w)\d+[^\W\d]")  # 2x, of which Python's parser would warn on stderr
BYTES = 512 << 20
"""Of one set of inputs: a dozen cases are drawn, and each kept until the source has run."""
RANK = 32  # axes that NumPy's iterators take, ndarray.flat among them; arrays have up to 64
WIDEST = 8 * 50  # bytes of an element: the longest text of draw.WORDS, in UTF-32
TOO_LARGE = f"one set of inputs would take more than {BYTES >> 20} MiB, which is not drawn here"
STEPS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv,
}


def ladder(
    description: Description,
    *,
    given: Tensors | None = None,
    fixed: Mapping[str, Sequence[int]] | None = None,
) -> tuple[dict[str, Sizes], ...]:
    """Return candidate shapes for all inputs, at most 16; one if nothing is open.

    Args:
        description: The model; its inputs may have open sizes or no rank at all.
        given: The user's arrays; their shapes win.
        fixed: The user's shapes by input name; they win too.

    Raises:
        BadInputs: What the user gave fits neither the model nor itself.
    """
    shapes = pinned(description, named(description, given), fixed or {})
    known = _bound(description, shapes)
    roles = _roles(description, known)
    candidates: list[dict[str, Sizes]] = []
    unranked = any(tensor.shape is None for tensor in description.inputs)
    for step, sizes in enumerate(_steps(roles, len(UNRANKED[True]) if unranked else 1)):
        candidate = {
            tensor.name: shapes[tensor.name]
            if tensor.name in shapes
            else _shape(tensor, {**sizes, **known}, step)
            for tensor in description.inputs
        }
        if candidate not in candidates:
            candidates.append(candidate)
    return tuple(candidates[:LIMIT])


def roomy(description: Description, shapes: Mapping[str, Sizes], limit: int) -> bool:
    """Return whether arrays of these shapes exist, and take no more than ``limit`` bytes."""
    total = 0
    for tensor in description.inputs:
        shape = shapes[tensor.name]
        digits = "".join(char for char in tensor.dtype if char.isdecimal())[:3]
        width = WIDEST if tensor.dtype == "string" else max(1, int(digits or 8) // 8)
        # Empty arrays too: NumPy multiplies the other sizes.
        total += math.prod(max(1, size) for size in shape) * width
        if len(shape) > RANK:
            return False
    return total <= limit


def drawable(
    description: Description, candidates: Sequence[Mapping[str, Sizes]]
) -> tuple[Mapping[str, Sizes], ...]:
    """Return those of ``candidates`` of which arrays can be made."""
    return tuple(shapes for shapes in candidates if roomy(description, shapes, BYTES))


def neighbours(
    description: Description,
    shapes: Mapping[str, Sizes],
    *,
    fixed: Mapping[str, Sequence[int]] | None = None,
) -> tuple[dict[str, Sizes], ...]:
    """Return further points around ``shapes`` to probe, at most 8; none if nothing is open.

    Each role moves by itself: batches of 2 and 3, a picture that is not square (which
    tells height from width), a longer and a shorter sequence. What the user fixed stays.
    """
    held = _bound(description, {name: shapes[name] for name in fixed or {} if name in shapes})
    known = _bound(description, shapes)
    roles = _roles(description, held)
    ranked = [tensor for tensor in description.inputs if tensor.shape is not None]
    points: list[dict[str, Sizes]] = []
    # A formula's value follows from its names, unless the user fixed it.
    plain = {key: size for key, size in known.items() if key in held or not _follows(key, known)}
    for move in _moves(roles, known):
        sizes = {**plain, **move}
        point = {**shapes, **{tensor.name: _shape(tensor, sizes, 0) for tensor in ranked}}
        point.update({name: tuple(shapes[name]) for name in fixed or {} if name in shapes})
        if point != dict(shapes) and point not in points:
            points.append(point)
    return tuple(points[:POINTS])


def _key(tensor: Tensor, axis: int) -> str:
    size = (tensor.shape or ())[axis]
    return size if isinstance(size, str) and size not in ANONYMOUS else f"{tensor.name}#{axis}"


def _open_axes(tensor: Tensor) -> list[int]:
    shape = tensor.shape or ()
    return [axis for axis, size in enumerate(shape) if not isinstance(size, int) or size < 0]


def _bound(description: Description, shapes: Mapping[str, Sizes]) -> dict[str, int]:
    """Return the variables that known shapes decide."""
    known: dict[str, int] = {}
    for tensor in description.inputs:
        if tensor.name not in shapes or tensor.shape is None:
            continue
        for axis in _open_axes(tensor):
            key, size = _key(tensor, axis), shapes[tensor.name][axis]
            if known.setdefault(key, size) != size:
                raise BadInputs(
                    f"axis {axis} of input {tensor.name!r} is {size}, but the model gives it the "
                    f"same size as another that is {known[key]}",
                    hint=f"Use one size for {key!r} in all inputs.",
                )
    return known


def _roles(description: Description, known: Mapping[str, int]) -> dict[str, Role]:
    """Return the role of every variable that is still free, innermost names of formulas too."""
    roles: dict[str, Role] = {}
    for tensor in description.inputs:
        for axis in _open_axes(tensor):
            key = _key(tensor, axis)
            symbol = None if "#" in key else key
            names = _names(key) if symbol else []
            for name in names or [key]:
                if name not in known and key not in known:
                    roles.setdefault(name, role(tensor, axis, name if names else symbol))
    return roles


def _steps(roles: Mapping[str, Role], least: int) -> list[dict[str, int]]:
    longest = max([least, *(len(SIZES[kind]) for kind in roles.values())])
    channels = Role.CHANNEL in roles.values()
    sizes = [
        {key: _rung(kind, step, colours) for key, kind in roles.items()}
        for colours in (SIZES[Role.CHANNEL] if channels else (0,))
        for step in range(min(longest, 6) if channels else longest)
    ]
    # The last resort, when a guess about what is a batch and what a length was wrong.
    return [*sizes[: LIMIT - 3], *(dict.fromkeys(roles, size) for size in (1, 2, 8))]


def _rung(kind: Role, step: int, colours: int) -> int:
    if kind is Role.CHANNEL:
        return colours
    sizes = SIZES[kind]
    return sizes[step] if step < len(sizes) else sizes[0]


def _shape(tensor: Tensor, sizes: Mapping[str, int], step: int) -> Sizes:
    if tensor.shape is None:
        choices = UNRANKED[tensor.dtype.startswith(("float", "bfloat"))]
        return choices[min(step, len(choices) - 1)]
    return tuple(
        size if isinstance(size, int) and size >= 0 else _value(_key(tensor, axis), sizes)
        for axis, size in enumerate(tensor.shape)
    )


def _names(text: str) -> list[str]:
    """Return the variables of a formula such as ``past + seq``; empty if it is none."""
    if len(text) > FORMULA or GLUED.search(text):
        return []
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    if isinstance(tree.body, ast.Name):
        return []
    try:
        _evaluate(tree.body, dict.fromkeys(names, 1))
    except (KeyError, ZeroDivisionError):
        return []
    return names


def _follows(key: str, known: Mapping[str, int]) -> bool:
    names = _names(key)
    return bool(names) and all(name in known for name in names)


def _value(key: str, sizes: Mapping[str, int]) -> int:
    if key in sizes:
        return sizes[key]
    try:
        return max(1, _evaluate(ast.parse(key, mode="eval").body, sizes))
    except ZeroDivisionError:  # a//(b-2) where b is 2
        return 1


def _evaluate(node: ast.AST, sizes: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name):
        return sizes[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in STEPS:
        left, right = _evaluate(node.left, sizes), _evaluate(node.right, sizes)
        return STEPS[type(node.op)](left, right)
    raise KeyError(ast.dump(node))


def _moves(roles: Mapping[str, Role], known: Mapping[str, int]) -> list[dict[str, int]]:
    def free(*kinds: Role) -> list[str]:
        return [key for key, kind in roles.items() if kind in kinds and key in known]

    batch, image = free(Role.BATCH), free(Role.IMAGE)
    length = free(Role.LENGTH, Role.AUDIO, Role.VOLUME)
    feature = free(Role.FEATURE)
    moves = [{key: known[key] + more for key in batch} for more in (1, 2)]
    # Pictures move by 32 pixels, see role.SIZES; the last axis first, so they are not square.
    moves += [{image[-1]: known[image[-1]] + 32}] if image else []
    moves += [{key: max(32, known[key] // 64 * 32) for key in image}]
    moves += [{key: known[key] * 2 for key in length}, {key: known[key] + 1 for key in length}]
    # A model at 8 kHz wants half of what it wants at 16; but half of a short sequence ends
    # in poolings of nothing, where every runtime has its own idea.
    moves += [{key: known[key] // 2 for key in length if known[key] >= SHORT}]
    moves += [{key: known[key] * 2 for key in feature}]
    return [move for move in moves if move]

"""Checks the arrays and shapes that the user gave against what the model declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from modelport.errors import BadInputs
from modelport.model import Array, Description, Tensor, Tensors

Sizes = tuple[int, ...]

# What numpy.savez calls arrays that were given without a name.
POSITIONAL = "arr_"


def named(description: Description, given: Tensors | None) -> dict[str, Array]:
    """Return the user's arrays by input name; ``arr_0``, ``arr_1``, ... count positions.

    Raises:
        BadInputs: A name, a missing input, a dtype or a shape does not fit; says which.
    """
    if not given:
        return {}
    inputs = {tensor.name: tensor for tensor in description.inputs}
    arrays = _by_name(list(inputs), given)
    unknown = sorted(set(arrays) - set(inputs))
    if unknown:
        raise BadInputs(
            f"the model has no input {unknown[0]!r}", hint=f"Name the arrays: {_listed(inputs)}."
        )
    missing = [name for name in inputs if name not in arrays]
    if missing:
        raise BadInputs(
            f"no array for input {missing[0]!r}", hint=f"Give all inputs: {_listed(inputs)}."
        )
    return {name: _fitting(tensor, np.asarray(arrays[name])) for name, tensor in inputs.items()}


def pinned(
    description: Description, arrays: Tensors, fixed: Mapping[str, Sequence[int]]
) -> dict[str, Sizes]:
    """Return the shapes that the user decided, by ``--shape`` or by the arrays given.

    Raises:
        BadInputs: A shape is for no input, contradicts the model or the user's array.
    """
    inputs = {tensor.name: tensor for tensor in description.inputs}
    shapes: dict[str, Sizes] = {name: array.shape for name, array in arrays.items()}
    for name, sizes in fixed.items():
        if name not in inputs:
            raise BadInputs(
                f"the model has no input {name!r}", hint=f"Its inputs are: {_listed(inputs)}."
            )
        shape = tuple(int(size) for size in sizes)
        if any(size < 1 for size in shape):
            raise BadInputs(
                f"shape {_shape(shape)} of input {name!r} has a size below 1",
                hint="Give every size as a positive number.",
            )
        _check_shape(inputs[name], shape)
        if shapes.get(name, shape) != shape:
            raise BadInputs(
                f"input {name!r} is given as {_shape(shapes[name])} and asked as {_shape(shape)}",
                hint="Drop the shape, or give an array of that shape.",
            )
        shapes[name] = shape
    return shapes


def _by_name(names: Sequence[str], given: Tensors) -> dict[str, Array]:
    if set(given) <= set(names) or not all(_is_positional(key) for key in given):
        return dict(given)
    ordered = sorted(given, key=lambda key: int(key.removeprefix(POSITIONAL)))
    if len(ordered) != len(names):
        raise BadInputs(
            f"{len(ordered)} arrays for {len(names)} inputs",
            hint=f"Give one array for each input, in this order: {', '.join(names)}.",
        )
    return {name: given[key] for name, key in zip(names, ordered, strict=True)}


def _is_positional(key: str) -> bool:
    number = key.removeprefix(POSITIONAL)
    return key.startswith(POSITIONAL) and number.isdecimal() and len(number) < 9  # noqa: PLR2004


def _fitting(tensor: Tensor, array: Array) -> Array:
    _check_shape(tensor, array.shape)
    want = "str" if tensor.dtype == "string" else tensor.dtype
    got = "str" if array.dtype.kind == "U" else array.dtype.name
    if got != want:
        raise BadInputs(
            f"input {tensor.name!r} is {got}, the model takes {tensor.dtype}",
            hint=f"Convert the array: array.astype({want!r}).",
        )
    return array


def _check_shape(tensor: Tensor, shape: Sizes) -> None:
    if tensor.shape is None:
        return
    fits = len(shape) == len(tensor.shape) and all(
        not isinstance(want, int) or want < 0 or want == got
        for want, got in zip(tensor.shape, shape, strict=True)
    )
    if not fits:
        raise BadInputs(
            f"input {tensor.name!r} is {_shape(shape)}, the model takes {_shape(tensor.shape)}",
            hint="Give every size that the model fixes as it is; open ones are free.",
        )


def _shape(sizes: Sequence[int | str | None]) -> str:
    return "[" + ",".join("?" if size is None else str(size) for size in sizes) + "]"


def _listed(inputs: Mapping[str, Tensor]) -> str:
    return ", ".join(
        f"{name} ({tensor.dtype}{'' if tensor.shape is None else ' ' + _shape(tensor.shape)})"
        for name, tensor in inputs.items()
    )

"""Makes the cases of a comparison: typical ones, which decide, and stress, which does not.

Source of the choice: planted faults on 15 trained models. The fixture alone found 292 of
311 structural faults that can be seen, with normal, uniform and zeros 306; each further
kind found single-element faults that no other did. docs/verification.md has the table.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from modelport.inputs.draw import FLOATS, INTEGERS, check, draw, holdable, rng
from modelport.inputs.given import Sizes, named
from modelport.inputs.role import channel_axis
from modelport.model import Array, Case, Description, Tensor, Tensors

# (id, kind): two seeds of the plainest kind, then other ranges.
TYPICAL = (
    ("normal-0", "normal"),
    ("normal-1", "normal"),
    ("uniform", "uniform"),
    ("scaled", "scaled"),
    ("wide", "wide"),
)
PICTURES = (("image", "image"), ("pixels", "pixels"))
STRESS = ("zeros", "ones", "large", "nan", "inf")
FLOATS_ONLY = {"large", "nan", "inf"}
COMBINATIONS = 8  # of enumerated values; each costs a whole set of typical cases
VALUES = 6  # of one enumerated input
NEAR = 0.01  # how far the case beside the user's own lies from it, in its deviations


def battery(
    description: Description,
    shapes: Mapping[str, Sizes],
    *,
    seed: int,
    given: Tensors | None = None,
    points: Sequence[Mapping[str, Sizes]] = (),
) -> tuple[Case, ...]:
    """Return all cases for a model, the user's own first, typical before stress.

    Args:
        description: The model; hints about its integers are kept to.
        shapes: Concrete shapes of all inputs, as ``ladder`` proposed them.
        seed: Same seed, same cases, on every machine.
        given: The user's arrays by name or position; the first typical case.
        points: Further shapes that the source accepts, from ``neighbours``.

    Raises:
        BadInputs: The user's arrays do not fit, or an input's type cannot be drawn.
    """
    arrays = named(description, given)
    check(description.inputs)
    maker = _Maker(description, seed, arrays)
    cases: list[Case] = []
    if arrays:
        cases += [Case("given", "given", typical=True, feeds=arrays), maker.near()]
    kinds = [*TYPICAL, *(PICTURES if _has_picture(description, shapes) else ())]
    combinations = _combinations(description)
    for (number, chosen), (name, kind) in itertools.product(enumerate(combinations), kinds):
        cases.append(maker.case(name + _suffix(number, chosen), kind, shapes, chosen))
    for index, point in enumerate(points):
        for number, chosen in enumerate(combinations):
            name = f"point-{index}" + _suffix(number, chosen)
            cases.append(maker.case(name, "normal", point, chosen))
    floats = any(tensor.dtype in FLOATS for tensor in description.inputs)
    for kind in STRESS:
        if floats or kind not in FLOATS_ONLY:
            cases.append(maker.case(kind, kind, shapes, combinations[0], typical=False))
    return tuple(cases)


def probes(
    description: Description,
    shapes: Mapping[str, Sizes],
    *,
    seed: int,
    given: Tensors | None = None,
) -> tuple[Case, ...]:
    """Return one case for each combination of enumerated inputs, likeliest first.

    Shapes are usable when the source accepts one of them: a model that takes 8 and
    16 kHz may want another length for each.
    """
    arrays = named(description, given)
    check(description.inputs)
    if arrays and all(arrays[name].shape == tuple(shape) for name, shape in shapes.items()):
        return (Case("given", "given", typical=True, feeds=arrays),)
    maker = _Maker(description, seed, arrays)
    return tuple(
        maker.case("probe" + _suffix(number, chosen), "normal", shapes, chosen)
        for number, chosen in enumerate(_combinations(description))
    )


class _Maker:
    """Draws whole cases for one model."""

    def __init__(self, description: Description, seed: int, arrays: Tensors) -> None:
        self.inputs = description.inputs
        self.seed = seed
        self.arrays = arrays

    def case(
        self,
        name: str,
        kind: str,
        shapes: Mapping[str, Sizes],
        chosen: Mapping[str, Array],
        *,
        typical: bool = True,
    ) -> Case:
        feeds: dict[str, Array] = {}
        for tensor in self.inputs:
            shape = tuple(shapes[tensor.name])
            if tensor.name in chosen:
                feeds[tensor.name] = np.full(shape, chosen[tensor.name])
                continue
            generator = rng(self.seed, name, tensor.name)
            sample = self.arrays.get(tensor.name) if tensor.dtype in INTEGERS else None
            feeds[tensor.name] = draw(tensor, shape, kind, generator=generator, sample=sample)
        return Case(name, kind, typical=typical, feeds=feeds)

    def near(self) -> Case:
        """Return the user's case with a little noise on its float inputs."""
        feeds = {
            name: self._near(name, array) if array.dtype.name in FLOATS else array
            for name, array in self.arrays.items()
        }
        return Case("given-near", "given", typical=True, feeds=feeds)

    def _near(self, name: str, array: Array) -> Array:
        finite = array[np.isfinite(array)].astype(np.float64)
        spread = float(finite.std()) if finite.size else 0.0
        noise = rng(self.seed, "given-near", name).normal(scale=NEAR * spread, size=array.shape)
        return (array.astype(np.float64) + noise).astype(array.dtype)


def _has_picture(description: Description, shapes: Mapping[str, Sizes]) -> bool:
    return any(
        tensor.dtype in FLOATS and channel_axis(tensor, tuple(shapes[tensor.name])) is not None
        for tensor in description.inputs
    )


def _combinations(description: Description) -> list[dict[str, Array]]:
    """Return the combinations of the values of enumerated inputs; one empty if there are none."""
    rows = [list(_choices(tensor)) for tensor in description.inputs]
    names = [tensor.name for tensor in description.inputs]
    kept = [(name, row) for name, row in zip(names, rows, strict=True) if row]
    every = itertools.product(*(row for _, row in kept))
    return [
        {name: value for (name, _), value in zip(kept, values, strict=True)}
        for values in itertools.islice(every, COMBINATIONS)
    ]


def _choices(tensor: Tensor) -> Iterator[Array]:
    """Yield every value of a scalar, or one-element, input whose values are enumerated."""
    if tensor.shape is None or any(size != 1 for size in tensor.shape):
        return
    values = tensor.hints.get("values") or ((False, True) if tensor.dtype == "bool" else ())
    if not values and tensor.dtype in INTEGERS and {"minimum", "maximum"} <= set(tensor.hints):
        least, most = max(0, int(tensor.hints["minimum"])), int(tensor.hints["maximum"])
        values = tuple(range(least, most + 1)) if most - least < VALUES else ()
    if tensor.dtype in FLOATS | INTEGERS | {"bool"}:
        for value in holdable(tensor, values)[:VALUES]:
            yield np.asarray(value, dtype=tensor.dtype)


def _suffix(number: int, chosen: Mapping[str, Array]) -> str:
    """Return what tells a combination's cases apart: ``.sr-8000``; a legal file name."""
    if not number:
        return ""
    words = [re.sub(r"[^A-Za-z0-9-]+", "_", f"{name}-{value}") for name, value in chosen.items()]
    return f".{number}.{'.'.join(words)}"[:60]

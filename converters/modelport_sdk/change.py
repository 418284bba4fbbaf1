"""Weights changed on purpose, for the noise floor and the planted faults of the verification."""

from __future__ import annotations

from typing import Any

FAULTS = 5  # planted per model, spread over its depth
FACTOR = 1.01
MATRIX = 2  # axes from which on an array is taken for a weight that is multiplied by
HALF = 0.5
VARIANTS = ("weights-ulp", "weights-fp16", "fault")


def alter(arrays: dict[str, Any], variant: str) -> None:
    """Replace arrays as the variant of docs/verification.md says.

    Those of two or more axes are taken for the weights of convolutions and matrix products.

    Raises:
        LookupError: No such variant, or no such fault.
    """
    import numpy as np

    kind, _, number = variant.partition(":")
    if kind == "plain":
        return
    if kind not in VARIANTS:
        raise LookupError(variant)
    floats = [name for name, array in arrays.items() if array.dtype.kind == "f" and array.size]
    heavy = [name for name in floats if arrays[name].ndim >= MATRIX]
    if kind == "weights-ulp":
        draw = np.random.default_rng(0)
        for name in floats:
            array = arrays[name]
            toward = np.where(draw.random(array.shape) < HALF, -np.inf, np.inf)
            arrays[name] = np.nextafter(array, toward.astype(array.dtype))
    elif kind == "weights-fp16":
        top = np.finfo(np.float16).max
        for name in heavy:
            array = arrays[name]
            arrays[name] = np.clip(array, -top, top).astype(np.float16).astype(array.dtype)
    else:
        name = _chosen(heavy, int(number or 0))
        arrays[name] = (arrays[name] * FACTOR).astype(arrays[name].dtype)


def _chosen(names: list[str], number: int) -> str:
    count = min(FAULTS, len(names))
    if number >= count:
        raise LookupError(f"fault {number} of {count}")
    return names[round(number * (len(names) - 1) / max(count - 1, 1))]

"""Variants of models too large to edit in memory: a few outside weights are replaced at load.

ONNX Runtime puts values given as external initialisers in the place of those in the files
before it optimises, so that only the tensors that change are held twice.
Source: onnxruntime 1.32, ``SessionOptions.add_external_initializers``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_onnx import external, weights

HELD = 512 << 20
"""Bytes of replaced weights: enough for the largest single layer of a 7-billion transformer."""


def replacements(proto: Any, model: Path, variant: str, edit: Any, count: int) -> dict[str, Any]:
    """Return new values by name for the outside weights that ``variant`` changes.

    Args:
        proto: The graph, loaded without its weights.
        model: Its file; outside weights stand beside it.
        variant: ``"fault:K"`` changes the K-th of ``count`` spread weights, ``"weights-ulp"``
            as many of them as ``HELD`` allows.
        edit: From an array and a seed to the changed array.
        count: How many weights are spread over the graph.

    Raises:
        LookupError: No such fault; or the variant needs every weight at once.
    """
    outside = {tensor.name: keys for tensor, keys in external.entries(proto)}
    usable = [
        weight.tensor
        for weight in weights.weights(proto)
        if weight.name in outside and not weight.bias and not weight.nested
    ]
    spread = _spread(usable, count)
    kind, _, number = variant.partition(":")
    if kind == "fault":
        if not number.isdigit() or int(number) >= len(spread):
            raise LookupError(f"{len(spread)} faults can be planted, {variant} is none of them")
        spread = [spread[int(number)]]
    elif kind != "weights-ulp":
        raise LookupError(f"{variant} changes every weight, too many to hold twice")
    changed: dict[str, Any] = {}
    held = 0
    for seed, tensor in enumerate(spread):
        values = _read(tensor, outside[tensor.name], model.parent)
        held += values.nbytes
        if held > HELD and changed:
            break
        changed[tensor.name] = edit(values, seed)
    return changed


def _spread(found: list[Any], count: int) -> list[Any]:
    if len(found) <= count:
        return found
    return [found[round(k * (len(found) - 1) / (count - 1))] for k in range(count)]


def _read(tensor: Any, keys: dict[str, str], folder: Path) -> Any:
    """Return the values of one outside tensor, read from its place in the file."""
    import numpy as np
    from onnx import helper

    dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    shape = tuple(tensor.dims)
    offset = int(keys.get("offset", 0))
    count = int(np.prod(shape))
    path = folder / keys["location"]
    return np.fromfile(path, dtype=dtype, count=count, offset=offset).reshape(shape)

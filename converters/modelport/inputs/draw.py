"""Draws one tensor's values: what kind of values, within what the graph implies.

Every draw has its own generator, seeded by the case and the input's name, so that a
tensor does not change when another is added.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from modelport.errors import BadInputs
from modelport.inputs.role import channel_axis, is_mask, is_state
from modelport.model import Array, Case, Tensor

FLOATS = {"float16", "float32", "float64"}
INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
COMPLEX = {"complex64", "complex128"}
KNOWN = FLOATS | INTEGERS | COMPLEX | {"bool", "string"}

# Where nothing is known, integers stay below the smallest table anyone indexes.
SAFE = (0, 9)
BYTES = (0, 255)  # eight-bit inputs are pixels or raw bytes: all values are legal
SEGMENTS = (0, 1)  # token types and masks
WORDS = ("", "a", "the", "model", "Zebra 7", "good morning", "naïve café", "模型转换", "x" * 40)

# Mean and deviation of ImageNet's colours, as torchvision's weights expect them.
# Source: torchvision.transforms._presets.ImageClassification.
MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])
SCALES: Mapping[str, float] = {"normal": 1.0, "scaled": 0.1, "wide": 3.0, "large": 10.0}


def rng(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and the names only."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def check(tensors: Sequence[Tensor]) -> None:
    """Refuse value types that no NumPy array holds.

    Raises:
        BadInputs: Names the first such input and its type.
    """
    for tensor in tensors:
        if tensor.dtype not in KNOWN:
            raise BadInputs(
                f"input {tensor.name!r} is {tensor.dtype}, which cannot be fed from an array",
                hint="Convert the model's inputs to float32 to have it verified.",
            )


def limits(tensor: Tensor, sample: Array | None) -> tuple[int, int]:
    """Return the least and the largest integer to draw for ``tensor``, both included.

    A given sample's range wins, then the graph's hints, then the type and the name.
    """
    if sample is not None and sample.size:
        return int(sample.min()), int(sample.max())
    least, most = tensor.hints.get("minimum"), tensor.hints.get("maximum")
    if least is not None or most is not None:
        low = int(least) if least is not None else min(0, int(most or 0))
        low = max(low, 0) if most is not None and int(most) >= 0 else low
        return low, int(most) if most is not None else low + SAFE[1]
    if tensor.dtype == "uint8":
        return BYTES
    name = tensor.name.lower()
    if is_mask(tensor) or "type" in name or "segment" in name:
        return SEGMENTS
    return SAFE


def holdable(tensor: Tensor, values: Sequence[float]) -> list[float]:
    """Return those of ``values`` that the tensor's type can hold, as its own kind of number."""
    if tensor.dtype not in INTEGERS:
        return list(values)
    bounds = np.iinfo(tensor.dtype)
    return [int(value) for value in values if bounds.min <= value <= bounds.max]


def draw(
    tensor: Tensor,
    shape: tuple[int, ...],
    kind: str,
    *,
    generator: np.random.Generator,
    sample: Array | None = None,
) -> Array:
    """Return values of ``kind`` for one input, of its own dtype.

    Kinds: normal, scaled, wide, uniform, image, pixels, large, zeros, ones, nan, inf. Those
    that make no sense for the dtype or the input (an image for a state) become the
    nearest that does; integers never leave their limits.
    """
    if tensor.dtype == "string":
        return np.array(generator.choice(WORDS, size=shape), dtype=np.str_)
    if tensor.dtype == "bool":
        if kind in {"zeros", "ones"}:
            return np.full(shape, kind == "ones")
        return generator.integers(0, 2, size=shape).astype(bool)
    if tensor.dtype in INTEGERS:
        return _integers(tensor, shape, kind, generator, sample)
    dtype = np.dtype(tensor.dtype)
    values = _floats(tensor, shape, kind, generator)
    if tensor.dtype in COMPLEX:
        return np.asarray(values + 1j * _floats(tensor, shape, kind, generator), dtype=dtype)
    return np.asarray(values, dtype=dtype)


def _integers(
    tensor: Tensor,
    shape: tuple[int, ...],
    kind: str,
    generator: np.random.Generator,
    sample: Array | None,
) -> Array:
    dtype = np.dtype(tensor.dtype)
    values = holdable(tensor, tensor.hints.get("values") or ())
    if values and sample is None:
        return np.asarray(generator.choice(np.asarray(values, dtype), size=shape), dtype=dtype)
    bounds = np.iinfo(dtype)
    low, high = (min(max(end, bounds.min), bounds.max) for end in limits(tensor, sample))
    high = max(low, high)  # two tables may imply bounds that no value keeps
    if kind in {"zeros", "ones"}:
        return np.full(shape, min(max(int(kind == "ones"), low), high), dtype=dtype)
    if is_mask(tensor) and kind == "normal":  # nothing masked is the usual case
        return np.full(shape, high, dtype=dtype)
    name = tensor.name.lower()
    if "position" in name and shape and shape[-1] <= high - low + 1:
        return np.broadcast_to(np.arange(low, low + shape[-1]), shape).astype(dtype)
    return generator.integers(low, high, size=shape, dtype=dtype, endpoint=True)


def _floats(
    tensor: Tensor, shape: tuple[int, ...], kind: str, generator: np.random.Generator
) -> Array:
    constants = {"zeros": 0.0, "ones": 1.0}
    if kind in constants:
        return np.full(shape, constants[kind])
    if is_mask(tensor):
        return generator.integers(0, 2, size=shape).astype(float)
    if kind == "uniform":
        return generator.random(shape)
    axis = channel_axis(tensor, shape)
    if kind in {"image", "pixels"} and axis is not None:
        return _picture(shape, axis, kind, generator)
    scale = 1.0 if is_state(tensor) else SCALES.get(kind, 1.0)
    values = generator.normal(size=shape) * scale
    if kind in {"nan", "inf"} and values.size:
        values.flat[:: max(1, values.size // 3)] = np.nan if kind == "nan" else np.inf
    return values


def _picture(shape: tuple[int, ...], axis: int, kind: str, generator: np.random.Generator) -> Array:
    """Return smooth colours with edges and noise: [0, 255], or normalised as for ImageNet."""
    last = np.moveaxis(np.empty(shape, dtype=bool), axis, -1).shape
    height, width, colours = last[-3:]
    down = np.linspace(0, 1, height)[:, None, None]
    right = np.linspace(0, 1, width)[None, :, None]
    batch = (*last[:-3], 1, 1, colours)
    waves = [
        np.sin(2 * np.pi * (generator.uniform(0.5, 6, batch) * down
               + generator.uniform(0.5, 6, batch) * right + generator.random(batch)))
        for _ in range(4)
    ]  # fmt: skip
    edges = np.sign(waves[3]) * 0.25
    smooth = 0.5 + 0.15 * (waves[0] + waves[1] + waves[2]) + edges
    values = np.clip(smooth + generator.normal(scale=0.03, size=last), 0, 1)
    if kind == "pixels":
        values = np.round(values * 255)
    else:
        values = (values - MEAN[:colours].mean()) / DEVIATION[:colours].mean()
    return np.moveaxis(values, -1, axis)


def ulp(case: Case, direction: str | int) -> Case:
    """Return the case with its float inputs moved by one unit in the last place.

    Args:
        case: Its ``id`` and ``kind`` are kept, so that outputs stay comparable by id.
        direction: ``"up"``, ``"down"``, or a seed for up, down or not at all at random.
    """
    feeds = {name: _moved(name, array, direction) for name, array in case.feeds.items()}
    return dataclasses.replace(case, feeds=feeds)


def _moved(name: str, array: Array, direction: str | int) -> Array:
    if array.dtype.kind != "f":
        return array
    if isinstance(direction, str):
        towards = np.full(array.shape, np.inf if direction == "up" else -np.inf)
    else:
        signs = rng(direction, name).integers(-1, 2, size=array.shape)
        towards = np.where(signs > 0, np.inf, np.where(signs < 0, -np.inf, array))
    with np.errstate(over="ignore", under="ignore"):
        moved = np.nextafter(array, towards.astype(array.dtype))
    return np.where(np.isfinite(array) & np.isfinite(moved), moved, array)

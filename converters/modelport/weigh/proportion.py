"""Whether one tensor is another times one factor for each channel, but for a few elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelport.model import Array
from modelport.weigh.row import orders

# Largest relative distance from the channel's ratio. Measured on folded BatchNorms: 2e-7
# in float32 and 6e-4 where the target stores float16, planted faults 5e-3 and more.
LIMIT = 1e-5
LIMIT_HALF = 2e-3
NEAR_ZERO = 1e-3  # of the row's largest element; the ratio of what is smaller means nothing
FEWEST = 4  # elements a channel; with fewer any two tensors are in proportion
SAMPLE = 33  # elements a row from which its ratio is taken; a median of so many bears faults
SAMPLED_ROWS = 8
SHARE_OFF = 0.01  # of the elements may be off for the tensor to count as found
RANK = 5  # above, permutations are too many to try


@dataclass(frozen=True)
class Fit:
    """How well it fits: elements off, and how far the worst one is from its channel's ratio."""

    off: int
    deviation: float


def fit(source: Array, target: Array) -> tuple[Fit | None, int]:
    """Return the best fit, None if there is none, and how many elements were looked at.

    Channels are the source's first or second axis, of the tensors without axes of size 1,
    in any permutation of axes that makes the shapes equal.
    """
    source, target = np.squeeze(source), np.squeeze(target)
    limit = LIMIT_HALF if is_half(target) else LIMIT
    best: Fit | None = None
    cost = 0
    if source.ndim > RANK or not source.ndim:
        return None, 0
    for order in orders(source.shape, target.shape):
        turned = target.transpose(np.argsort(order))
        for axis in range(min(2, source.ndim)):
            if source.size < FEWEST * source.shape[axis]:
                continue
            found, looked = _fit_rows(_rows(source, axis), _rows(turned, axis), limit)
            cost += looked
            if found and (best is None or found.off < best.off):
                best = found
            if best and not best.off:
                return best, cost
    return best, cost


def rounded(array: Array) -> Array:
    """Return the values after rounding to float16, as float32."""
    with np.errstate(over="ignore"):
        return np.asarray(array.astype(np.float16).astype(np.float32))


def is_half(array: Array) -> bool:
    """Whether the first values are all numbers that float16 can hold."""
    head = array.reshape(-1)[:1000]
    return array.dtype.kind == "f" and bool(np.array_equal(rounded(head), head))


def _rows(array: Array, axis: int) -> Array:
    return np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)


def _fit_rows(source: Array, target: Array, limit: float) -> tuple[Fit | None, int]:
    step = max(1, len(source) // SAMPLED_ROWS)
    some = slice(None, None, step), _spread(source.shape[1])
    looked = min(len(source), SAMPLED_ROWS) * min(source.shape[1], SAMPLE)
    first, measured = _deviations(source[some], target[some])
    if np.count_nonzero(first > limit) > 0.1 * measured + 1:
        return None, looked
    deviations, measured = _deviations(source, target)
    off = int(np.count_nonzero(deviations > limit))
    if not measured or off > max(1.0, SHARE_OFF * measured):
        return None, looked + source.size
    return Fit(off, float(deviations.max()) if off else 0.0), looked + source.size


def _deviations(source: Array, target: Array) -> tuple[Array, int]:
    """Return each element's distance from its row's ratio, and how many were measured.

    Elements and rows near zero deviate by 0, since they are no evidence either way.
    """
    sizes = np.abs(source)
    peaks = sizes.max(axis=1, keepdims=True)
    clear = (sizes > NEAR_ZERO * peaks) & (peaks > NEAR_ZERO * NEAR_ZERO * peaks.max())
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(clear, target.astype(np.float64) / source.astype(np.float64), np.nan)
        rows = _medians(ratios, sizes.argmax(axis=1))
        deviations = np.abs(ratios / rows[:, None] - 1.0)
    # A row next to zero proves nothing.
    measured = clear & np.isfinite(rows)[:, None] & (rows != 0)[:, None]
    missing = clear & (rows == 0)[:, None]
    result = np.where(measured, np.where(np.isfinite(deviations), deviations, np.inf), 0.0)
    return np.where(missing, np.inf, result), int(np.count_nonzero(clear))


def _spread(width: int) -> slice:
    # Over the whole row: the ends of a windowed filter are next to zero.
    return slice(None, None, -(-width // SAMPLE))


def _medians(ratios: Array, largest: Array) -> Array:
    """Return the median of some clear elements of each row, its largest one among them."""
    peaks = np.take_along_axis(ratios, largest[:, None], axis=1)
    some = np.concatenate([ratios[:, _spread(ratios.shape[1])], peaks], axis=1)
    some.sort(axis=1)  # NaN goes last
    counts = np.count_nonzero(~np.isnan(some), axis=1)
    middle = np.maximum(counts - 1, 0) // 2
    return np.asarray(np.take_along_axis(some, middle[:, None], axis=1)[:, 0])

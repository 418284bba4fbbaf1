"""Measures the distance between two arrays in double precision, a piece at a time.

Outputs may be hundreds of megabytes: no array is ever copied whole to float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modelport.model import Array

PIECE = 1 << 20  # elements converted at once: 8 MiB in float64, fits a second-level cache
CLASSES = (2, 200_000)  # sizes that a last axis of classes may have
BINS = 32
POINTS = 200


@dataclass(frozen=True)
class Distance:
    """How far ``got`` is from ``want``, over the positions where both are finite.

    Attributes:
        max_abs: Largest absolute difference; the share of unequal elements for integers,
            booleans and strings.
        mismatch: Why the two cannot be compared by size; empty if they can.
    """

    max_abs: float = 0.0
    rmse: float = 0.0
    cosine: float = 1.0
    snr: float | None = None
    magnitude: float = 0.0
    finite: int = 0
    mismatch: str = ""


def inexact(array: Array) -> bool:
    """Whether values are compared by size (floats, complex) rather than for equality."""
    return array.dtype.kind in "fc"


def _comparable(want: Array, got: Array) -> bool:
    """Whether both are numbers, or of one and the same type, as texts and raw bytes are."""
    numbers = [array.dtype.kind in "biufc" for array in (want, got)]
    return (
        all(numbers)
        or (not any(numbers) and want.dtype.kind == got.dtype.kind != "V")
        or (want.dtype == got.dtype)
    )


def magnitude(array: Array) -> float:
    """Return the largest finite magnitude; 0 where there is none, 1 for what has no size."""
    if not inexact(array):
        return 1.0
    return max((_peak(piece) for (piece,) in _pieces(array)), default=0.0)


def distance(want: Array, got: Array) -> Distance:
    """Return how far ``got`` is from ``want``; both must have the same shape."""
    if want.shape != got.shape:
        return Distance(math.inf, mismatch=f"shape {list(got.shape)} for {list(want.shape)}")
    if not _comparable(want, got):
        return Distance(math.inf, mismatch=f"type {got.dtype.name} for {want.dtype.name}")
    if not inexact(want):
        share = _unequal(want, got)
        return Distance(share, rmse=math.sqrt(share), finite=want.size, magnitude=1.0)
    total = _Sum()
    for piece_want, piece_got in _pieces(want, got):
        reason = total.add(piece_want, piece_got)
        if reason:
            return Distance(math.inf, mismatch=reason)
    return total.distance()


def equal(want: Array, got: Array) -> bool:
    """Whether both have the same shape and values, NaN equal to NaN."""
    if want.shape != got.shape or not _comparable(want, got):
        return False
    if inexact(want) and inexact(got):
        return all(bool(np.array_equal(a, b, equal_nan=True)) for a, b in _pieces(want, got))
    return bool(np.array_equal(want, got))


def top1(want: Array, got: Array) -> float | None:
    """Return the share of positions with the same arg-max along the last axis.

    None where the output is no distribution over classes: it has to be a float of rank 2
    or 3, or rows that are positive and sum to 1. A tie in the source may fall either way.
    """
    least, most = CLASSES
    if want.dtype.kind != "f" or want.ndim < 1 or want.shape != got.shape or not want.size:
        return None
    if not least <= want.shape[-1] <= most or not _comparable(want, got):
        return None
    rows, others = want.reshape(-1, want.shape[-1]), got.reshape(-1, got.shape[-1])
    if want.ndim not in {2, 3} and not _probabilities(rows):
        return None
    step = max(1, PIECE // want.shape[-1])
    agreed = 0
    for start in range(0, len(rows), step):
        piece = rows[start : start + step]
        chosen = np.argmax(others[start : start + step], axis=-1)
        agreed += int(np.sum(np.take_along_axis(piece, chosen[:, None], -1)[:, 0] == piece.max(-1)))
    return agreed / len(rows)


def picture(want: Array, got: Array) -> dict[str, object]:
    """Return what the report draws: a histogram of the errors and sampled pairs.

    ``histogram`` has ``edges`` (one more than ``counts``) in the output's own unit;
    ``points`` are at most 200 pairs ``[source, result]``, evenly spaced. Empty for what
    has no size.
    """
    if not inexact(want) or want.shape != got.shape or not want.size:
        return {}
    if not _comparable(want, got):
        return {}
    top = max((_peak(b - a) for a, b in _pieces(want, got)), default=0.0)
    edges = np.linspace(0.0, top or 1.0, BINS + 1)
    counts = np.zeros(BINS, dtype=np.int64)
    for a, b in _pieces(want, got):
        with np.errstate(invalid="ignore"):
            error = np.abs(b - a)
        counts += np.histogram(error[np.isfinite(error)], bins=edges)[0]
    step = max(1, -(-want.size // POINTS))
    flat, other = np.real(want).ravel()[::step], np.real(got).ravel()[::step]
    pairs = [[float(a), float(b)] for a, b in zip(flat, other, strict=True)]
    return {
        "histogram": {"edges": [float(edge) for edge in edges], "counts": counts.tolist()},
        "points": [pair for pair in pairs if all(map(math.isfinite, pair))],
    }


class _Sum:
    """Running sums over pieces; the squares of values in units of ``want``'s first peak."""

    def __init__(self) -> None:
        self.count = 0
        self.largest = 0.0
        self.peak = 0.0
        self.errors = self.wants = self.gots = self.products = 0.0

    def add(self, want: Array, got: Array) -> str:
        """Add a piece; return a reason if NaN or infinities stand in different places."""
        finite = np.isfinite(want)
        if not finite.all() or not np.isfinite(got).all():
            if not np.array_equal(np.isnan(want), np.isnan(got)):
                return "NaN in other positions"
            if not np.array_equal(finite, np.isfinite(got)):
                return "infinities in other positions"
            infinite = ~finite & ~np.isnan(want)
            if not np.array_equal(want[infinite], got[infinite]):
                return "infinities of the other sign"
            want, got = want[finite], got[finite]
        error = np.abs(got - want)
        self.count += error.size
        self.largest = max(self.largest, _peak(error))
        self.peak = max(self.peak, _peak(want))
        with np.errstate(over="ignore"):
            self.errors += float(np.sum(error * error))
            self.wants += float(np.sum(np.abs(want) ** 2))
            self.gots += float(np.sum(np.abs(got) ** 2))
            self.products += float(np.real(np.sum(np.conj(want) * got)))
        return ""

    def distance(self) -> Distance:
        """Return the distance over all pieces added."""
        norms = math.sqrt(self.wants) * math.sqrt(self.gots)
        cosine = self.products / norms if norms else float(self.wants == self.gots)
        snr = None
        if self.errors and self.wants:
            snr = 10 * (math.log10(self.wants) - math.log10(self.errors))
        elif self.errors:
            snr = -math.inf
        return Distance(
            max_abs=self.largest,
            rmse=math.sqrt(self.errors / self.count) if self.count else 0.0,
            cosine=max(-1.0, min(1.0, cosine)),
            snr=snr,
            magnitude=self.peak,
            finite=self.count,
        )


def _pieces(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yield equal stretches of the flattened arrays as float64 or complex128."""
    kind = np.complex128 if any(array.dtype.kind == "c" for array in arrays) else np.float64
    flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, PIECE):
        yield tuple(array[start : start + PIECE].astype(kind) for array in flat)


def _peak(piece: Array) -> float:
    with np.errstate(invalid="ignore"):
        sizes = np.abs(piece)
    finite = sizes[np.isfinite(sizes)]
    return float(finite.max()) if finite.size else 0.0


def _unequal(want: Array, got: Array) -> float:
    return float(np.count_nonzero(want != got)) / want.size if want.size else 0.0


def _probabilities(rows: Array) -> bool:
    """Whether the first rows are positive and sum to 1, within what float16 can add up."""
    head = rows[:64].astype(np.float64)
    return bool(np.all(head >= 0) and np.allclose(head.sum(-1), 1.0, atol=1e-2))

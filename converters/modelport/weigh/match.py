"""Finds each weight tensor of the source among those of the target.

By equal bytes, else with the rows in another place or order (a transposition, gates in
another order, several tensors in one), else in proportion for each channel (a BatchNorm
folded in). Measured on OpenVINO files of 9 models: all float weights were found, 28 to
100 % of the elements exactly, the rest in proportion; 252 of 252 single elements changed
by 1 % were found by the ratio.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelport.model import Array, Json
from modelport.weigh.proportion import Fit, fit, is_half, rounded
from modelport.weigh.row import SMALLEST, ends, hashes, tables

LISTED = 20  # names in the report
TRIALS = 4_000_000_000  # elements looked at for proportions, some ten seconds a billion


@dataclass(frozen=True)
class Suspect:
    """A tensor that was found but for a few elements.

    Attributes:
        name: In the source.
        target: Name of the target's tensor.
        elements: How many elements are off.
        deviation: Largest relative distance of an element from its channel's ratio.
    """

    name: str
    target: str
    elements: int
    deviation: float


@dataclass(frozen=True)
class WeightMatch:
    """How much of the source's weights is in the target, in elements.

    Attributes:
        total: Elements looked for: tensors with two axes or more, from 8 elements on.
        exact: Found byte for byte.
        rounded: Found byte for byte after rounding to float16.
        permuted: Found with their rows elsewhere or in another order.
        proportional: Found in proportion, channel by channel.
        unmatched: Names of tensors not found, at most 20.
        suspicious: Found but for some elements.
        skipped: What was not looked at, and why; empty for nothing.
    """

    total: int = 0
    exact: int = 0
    rounded: int = 0
    permuted: int = 0
    proportional: int = 0
    unmatched: tuple[str, ...] = ()
    suspicious: tuple[Suspect, ...] = ()
    skipped: str = ""

    @property
    def share(self) -> float | None:
        """Share of the elements found, 0 to 1; None where there was nothing to look for."""
        found = self.exact + self.rounded + self.permuted + self.proportional
        return found / self.total if self.total else None

    def to_json(self) -> Json:
        """Return the match as JSON types."""
        return {
            "method": "tensors",
            "share": self.share,
            "total": self.total,
            "exact": self.exact,
            "rounded": self.rounded,
            "permuted": self.permuted,
            "proportional": self.proportional,
            "unmatched": list(self.unmatched),
            "suspicious": [vars(suspect) for suspect in self.suspicious],
            "skipped": self.skipped,
        }


def match(source: Iterable[tuple[str, Array]], target: Iterable[tuple[str, Array]]) -> WeightMatch:
    """Return how much of ``source`` is in ``target``; both are ``(name, array)``.

    Integer tensors count as they are; floats are compared as float32. Vectors
    (biases, BatchNorm's parameters) are left out: folding changes them beyond recognition.
    """
    targets = [(name, array) for name, array in _tensors(target) if array.size >= SMALLEST]
    sources = [entry for entry in _tensors(source) if _is_weight(entry[1])]
    index = _Index(targets)
    found: dict[str, int] = dict.fromkeys(("exact", "rounded", "permuted", "proportional"), 0)
    spent = 0
    late: list[str] = []
    unmatched: list[str] = []
    suspects: dict[str, Suspect] = {}
    for name, array in sources:
        how = index.found(array)
        if not how and spent > TRIALS:
            late.append(name)
        elif not how:
            best, cost = index.proportional(array)
            spent += cost
            how = "proportional" if best else ""
            if best and best[1].off:
                suspects[best[0]] = Suspect(name, best[0], best[1].off, best[1].deviation)
        if how:
            found[how] += array.size
        else:
            unmatched.append(name)
    if spent <= TRIALS:
        suspects.update(_copies(sources, [t for t in targets if t[0] not in suspects]))
    skipped = f"{len(late)} tensors were not searched for proportions" if late else ""
    total = sum(array.size for _, array in sources)
    listed = tuple(unmatched[:LISTED])
    suspicious = tuple(list(suspects.values())[:LISTED])
    return WeightMatch(total, **found, unmatched=listed, suspicious=suspicious, skipped=skipped)


def _copies(
    sources: list[tuple[str, Array]], targets: list[tuple[str, Array]]
) -> dict[str, Suspect]:
    """Return the suspects among the target's tensors that no look from the source finds.

    A weight that is used twice may stand twice in the target, and one copy be right.
    """
    index = _Index(sources)
    suspects: dict[str, Suspect] = {}
    for name, array in targets:
        if not _is_weight(array) or index.found(array):
            continue
        best, _ = index.proportional(array, backwards=True)
        if best and best[1].off:
            suspects[name] = Suspect(best[0], name, best[1].off, best[1].deviation)
    return suspects


def _tensors(named: Iterable[tuple[str, Array]]) -> list[tuple[str, Array]]:
    return [(name, _plain(array)) for name, array in named]


def _is_weight(array: Array) -> bool:
    return array.size >= SMALLEST and sum(size > 1 for size in array.shape) > 1


class _Index:
    """The target's tensors, by their bytes, by their rows and by their size."""

    def __init__(self, tensors: list[tuple[str, Array]]) -> None:
        self.tensors = tensors
        self.digests = {_digest(array) for _, array in tensors}
        self.sizes: dict[int, list[int]] = {}
        for number, (_, array) in enumerate(tensors):
            self.sizes.setdefault(array.size, []).append(number)

    @cached_property
    def rows(self) -> Array:
        """Sorted hashes of all rows along the first and the last axis of each tensor."""
        parts = [hashes(table) for _, array in self.tensors for table in ends(array)]
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)

    @cached_property
    def halves(self) -> bool:
        """Whether any tensor holds nothing but numbers that float16 can hold."""
        return any(is_half(array) for _, array in self.tensors if array.size >= SMALLEST)

    def found(self, array: Array) -> str:
        """Return how the tensor is in the target, bytes unchanged; empty if it is not."""
        if _digest(array) in self.digests:
            return "exact"
        if self._scattered(array):
            return "permuted"
        if array.dtype.kind == "f" and self.halves:
            half = rounded(array)
            if _digest(half) in self.digests or self._scattered(half):
                return "rounded"
        return ""

    def _scattered(self, array: Array) -> bool:
        return any(bool(np.isin(hashes(table), self.rows).all()) for table in tables(array))

    def proportional(
        self, array: Array, *, backwards: bool = False
    ) -> tuple[tuple[str, Fit] | None, int]:
        """Return the tensor in proportion to ``array``, and how many elements were looked at.

        ``backwards`` where the index is the source's and ``array`` is from the target.
        """
        cost = 0
        best: tuple[str, Fit] | None = None
        for number in self.sizes.get(array.size, ()):
            name, other = self.tensors[number]
            if array.dtype.kind != "f" or other.dtype.kind != "f":
                continue
            found, looked = fit(other, array) if backwards else fit(array, other)
            cost += looked
            if found and (best is None or found.off < best[1].off):
                best = name, found
            if best and not best[1].off:
                break
        return best, cost


def _plain(array: Array) -> Array:
    """Return the array as float32 if it is a float; float16 and float64 are then comparable."""
    array = np.asarray(array)
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(array, dtype=np.float32)
    return np.ascontiguousarray(array)


def _digest(array: Array) -> bytes:
    # Bytes alone: a reshape is no change.
    return hashlib.blake2b(array.reshape(-1).view(np.uint8).data, digest_size=16).digest()

"""Tensors as tables of rows, and a hash a row: finds what was transposed, reordered or joined."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from modelport.model import Array

SMALLEST = 8  # elements; what is shorter is found everywhere
PIECE = 1 << 20  # elements hashed at once


def tables(array: Array) -> Iterator[Array]:
    """Yield the tensor as rows: each axis first, the others in every order that is used.

    The orders: as they are, first one last (channels last), last one first, reversed.
    """
    array = np.squeeze(array)
    axes = range(array.ndim)
    for axis in axes:
        others = [other for other in axes if other != axis]
        orders = {
            tuple(others), (*others[1:], *others[:1]), (*others[-1:], *others[:-1]),
            tuple(reversed(others)),
        }  # fmt: skip
        for order in sorted(orders):
            if _long(array, axis):
                yield array.transpose(axis, *order).reshape(array.shape[axis], -1)


def ends(array: Array) -> Iterator[Array]:
    """Yield the tensor as rows along its first and its last axis, the rest as it lies."""
    array = np.squeeze(array)
    for axis in {0, array.ndim - 1} if array.ndim else ():
        if _long(array, axis):
            yield np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)


def hashes(table: Array) -> Array:
    """Return a 64-bit hash a row, which depends on the order within the row."""
    words = np.ascontiguousarray(table).view(np.uint32)
    # Odd factors, always the same ones, so that no bit of a word is lost.
    factors = np.random.default_rng(1).integers(1, 1 << 63, size=words.shape[1], dtype=np.uint64)
    factors |= np.uint64(1)
    result = np.zeros(words.shape[0], dtype=np.uint64)
    step = max(1, PIECE // max(1, words.shape[1]))
    for start in range(0, words.shape[0], step):
        piece = words[start : start + step].astype(np.uint64)
        result[start : start + step] = (piece * factors).sum(axis=1)  # wraps around, as it should
    return result


def orders(shape: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the permutations of axes that turn one shape into the other."""
    if sorted(shape) != sorted(wanted):
        return
    for order in itertools.permutations(range(len(shape))):
        if tuple(shape[axis] for axis in order) == wanted:
            yield order


def _long(array: Array, axis: int) -> bool:
    return array.itemsize == 4 and array.size >= SMALLEST * array.shape[axis]  # noqa: PLR2004  # words

"""Weights without a graph: moved from file to file, and compared tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from modelport import errors, planner
from modelport.engine.bench import Bench
from modelport.engine.candidates import Ask, attempt
from modelport.engine.house import House
from modelport.engine.proof import WEIGHT_LIMIT, unverified
from modelport.model import Array, Artifact, Attempt, Mapped, Verdict, Verification
from modelport.planner import Route

LISTED = 5


def weights_alone(source: str, target: str, house: House) -> bool:
    """Return whether ``target`` can be written from weights of format ``source`` alone."""
    try:
        routes = planner.plan(source, target, house.registry.converters.values())
    except errors.NoRoute:
        return False
    return all(converter.role == planner.WEIGHTS for converter in routes[0])


def move(bench: Bench, source: Artifact, route: Route, ask: Ask) -> Attempt:
    """Convert along ``route`` and compare every floating-point tensor by name, bit by bit.

    There is nothing to run, so the verdict is ``structural`` at best.
    """
    tried = attempt(bench, source, Mapped(), route, ask)
    if tried.result is None:
        return tried
    bench.observe("weigh", 0.0, "")
    return replace(tried, verification=_compared(bench, source, tried.result))


def _compared(bench: Bench, source: Artifact, result: Artifact) -> Verification:
    readers = bench.house.registry.weights
    found: list[Mapping[str, Array]] = []
    for artifact in (source, result):
        if artifact.format not in readers:
            return unverified(f"nothing reads the weights of {artifact.format} files here")
        try:
            tensors = bench.weights(readers[artifact.format], artifact, WEIGHT_LIMIT)
        except errors.Cancelled:
            raise
        except errors.ModelportError as exc:
            return unverified(f"the weights cannot be read back: {exc}")
        if isinstance(tensors, str):
            return unverified(tensors)
        found.append(tensors)
    return judged(*found)


def judged(before: Mapping[str, Array], after: Mapping[str, Array]) -> Verification:
    """Return ``structural`` where both hold the same tensors under the same names."""
    off = [name for name, array in before.items() if not _same(array, after.get(name))]
    added = [name for name in after if name not in before]
    details = {
        "weights_alone": {"tensors": len(before), "off": off[:LISTED], "added": added[:LISTED]}
    }
    if off or added:
        names = ", ".join((off + added)[:LISTED])
        reason = f"{len(off) + len(added)} of {len(before)} tensors differ: {names}"
        return Verification(Verdict.DIFFERENT, reason, details=details)
    reason = (
        f"weights alone: all {len(before)} floating-point tensors have the same name, type, shape "
        "and bits; there is no graph to run"
    )
    return Verification(Verdict.STRUCTURAL, reason, details=details)


def _same(left: Array, right: Array | None) -> bool:
    if right is None or left.dtype != right.dtype or left.shape != right.shape:
        return False
    return np.ascontiguousarray(left).tobytes() == np.ascontiguousarray(right).tobytes()

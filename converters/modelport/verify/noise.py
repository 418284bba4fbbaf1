"""Measures the source's own noise: what a difference is held against.

Source of the variants: 15 trained float models. Optimisations off moved the outputs of 13,
fewer optimisations 10, inputs moved by one unit in the last place 14 of 14 that have
float inputs, weights moved by one unit 15. A second run, or more threads, moved none.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelport.model import Array, Case, Json, Tensors
from modelport.verify.measure import distance, inexact, magnitude

Runs = Mapping[str, Tensors]

# Kinds that say nothing about an output's usual size.
UNBOUNDED = {"nan", "inf"}
# One case lends its scale to another only up to this factor: tiny outputs of one case
# (a sigmoid near 0) need it, an exponential that blew up in one must not excuse all
# others. Measured: outputs of one model differ by up to 5000 between kinds, zeros and
# tenfold inputs included; those two are stress here and lend nothing.
LENDING = 1024.0


@dataclass(frozen=True)
class Floor:
    """The noise of one source, by output and case; computed once and cached by its digest.

    Attributes:
        scale: S: an output's largest magnitude over all typical cases; 1 for integers.
        noise: N: the largest movement of an output in a case over all variants; infinite
            where its shape or its NaN moved. The share of elements, for integers. A case
            that no variant ran is missing.
        magnitude: An output's largest magnitude in one case.
        epsilon: Distance from 1 to the next number of the output's type; 0 for integers.
        variants: What was run to measure it.
    """

    scale: Mapping[str, float]
    noise: Mapping[str, Mapping[str, float]]
    magnitude: Mapping[str, Mapping[str, float]]
    epsilon: Mapping[str, float]
    variants: tuple[str, ...] = ()

    def noise_of(self, output: str, case: str) -> float:
        """Return N; where a case was not measured, the largest of the others in proportion.

        Not every case of a slow source is run in every variant.
        """
        row = self.noise.get(output, {})
        if case in row:
            return row[case]
        shares = (noise / (self.lent(output, other) or 1.0) for other, noise in row.items())
        share = max((share for share in shares if math.isfinite(share)), default=0.0)
        return share * self.lent(output, case)

    def lent(self, output: str, case: str) -> float:
        """Return the scale that holds for one case: S, unless S comes from another world."""
        sizes = self.magnitude.get(output, {})
        scale = self.scale.get(output, 0.0)
        usual = statistics.median_low(sizes.values()) if sizes else 0.0
        near = max(sizes.get(case, 0.0), usual)
        return min(scale, LENDING * near) if near else scale

    def to_json(self) -> Json:
        """Return the floor as JSON types; infinite noise becomes None."""
        noise = {
            output: {case: value if math.isfinite(value) else None for case, value in row.items()}
            for output, row in self.noise.items()
        }
        return {
            "scale": dict(self.scale),
            "noise": noise,
            "magnitude": {output: dict(row) for output, row in self.magnitude.items()},
            "epsilon": dict(self.epsilon),
            "variants": list(self.variants),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Floor:
        """Return the floor that ``to_json`` described."""
        noise = {
            output: {case: math.inf if value is None else value for case, value in row.items()}
            for output, row in data["noise"].items()
        }
        return Floor(
            data["scale"], noise, data["magnitude"], data["epsilon"], tuple(data["variants"])
        )


def floor(reference: Runs, variants: Mapping[str, Runs], cases: Iterable[Case]) -> Floor:
    """Return the noise floor of a source.

    Args:
        reference: Its outputs by case id, as it is run for the comparison.
        variants: The same by the name of the variant (``unoptimised``, ``basic``,
            ``ulp-up``, ``ulp-random``, ``weights-ulp``); a case may be missing in it.
        cases: All cases that were run, typical and stress.
    """
    scale: dict[str, float] = {}
    noise: dict[str, dict[str, float]] = {}
    sizes: dict[str, dict[str, float]] = {}
    epsilon: dict[str, float] = {}
    for case in cases:
        if case.id not in reference:
            continue
        outputs = reference[case.id]
        moved = [variants[name][case.id] for name in variants if case.id in variants[name]]
        for output, want in outputs.items():
            epsilon.setdefault(output, _epsilon(want))
            row = noise.setdefault(output, {})
            if moved:
                row[case.id] = max(_movement(want, run.get(output)) for run in moved)
            if case.typical and case.kind not in UNBOUNDED:
                peak = magnitude(want)
                sizes.setdefault(output, {})[case.id] = peak
                scale[output] = max(scale.get(output, 0.0), peak)
    return Floor(scale, noise, sizes, epsilon, tuple(variants))


def _movement(want: Array, got: Array | None) -> float:
    return math.inf if got is None else distance(want, got).max_abs


def _epsilon(array: Array) -> float:
    return float(np.finfo(array.dtype).eps) if inexact(array) else 0.0

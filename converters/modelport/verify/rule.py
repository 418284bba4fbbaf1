"""The rule: how far an output may be from the source's, by how its weights are stored."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from modelport.model import Array, Case, Comparison, Description, Tensors
from modelport.verify.measure import distance, inexact, top1
from modelport.verify.noise import Floor, Runs

FLOAT32 = float(np.finfo(np.float32).eps)  # 2^-23


@dataclass(frozen=True)
class Rule:
    """What one precision tolerates.

    Attributes:
        limit: Largest excess over the noise that passes.
        units: Least noise assumed, in epsilons of the output's scale.
        loud: Share of the scale that may be tolerated at most; where noise times limit
            is larger, agreement proves nothing.
        rejected: Share of the planted faults that the rule has to reject; 0 for one.
        snr: Least signal-to-noise ratio in dB; None for none.
    """

    limit: float
    units: float
    loud: float
    rejected: float
    snr: float | None = None


# Source: 51 correct conversions of 15 trained float models to OpenVINO, MNN, NCNN and
# ONNX reached 2.4 at most (4.7 on a model with constant weights), wrong ones 8e5 and more;
# 10 found 306 of 311 structural faults that can reach an output. Correct float16 weights
# reached 14 times the source's own with weights rounded alike. docs/verification.md.
RULES: Mapping[str, Rule] = {
    "float32": Rule(limit=10.0, units=8.0, loud=0.1, rejected=1 / 3),
    "float16": Rule(limit=20.0, units=64.0, loud=1.0, rejected=0.0, snr=20.0),
}

# A quantised result behaves alike at 20 dB on average, an error of 1 % of the signal's
# energy, or where 99 % of the positions choose the same class, which is the share of
# accuracy that the closed division of MLPerf Inference asks of a quantised model; and at
# 10 dB in every case. Measured on two dynamically quantised taggers: correct conversions
# 17 dB in the worst case (8 positions, 7 of the same class), 24 and 40 dB elsewhere, a
# lost bias 3 dB.
ALIKE_SNR = 20.0
ALIKE_SNR_CASE = 10.0
ALIKE_TOP1 = 0.99

# An error below this share of S is small whatever the signal in its case: a text detector
# gives 1e-8 everywhere on a picture without text, and there is no ratio to speak of.
SMALL = 1e-2

HALF = {"float16", "bfloat16"}
QUANTISED = {
    "DynamicQuantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulInteger",
    "MatMulIntegerToFloat", "ConvInteger", "QLinearConv", "QLinearMatMul", "QLinearAdd", "QGemm",
    "QAttention", "QuantizeLinear", "QLinearGlobalAveragePool", "MatMulNBits",
}  # fmt: skip


def quantised(description: Description) -> bool:
    """Whether the source itself rounds while it runs, so that its noise floor is no measure.

    Judge its results as ``int8``: a change of 1e-6 in a scale moves such a model by up to
    5e-2, although a change of one unit in the last place moves it not at all.
    """
    names = {name.rsplit(".", 1)[-1].rsplit("::", 1)[-1] for name in description.operators}
    return bool(names & QUANTISED) or description.details.get("quantised") is True


@dataclass(frozen=True)
class Yardstick:
    """What differences are held against.

    Attributes:
        floor: The source's noise.
        precision: ``float32``, ``float16`` or ``int8``.
        moved: H by case and output: how far rounding its weights to float16 moves the source.
    """

    floor: Floor
    precision: str
    moved: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, dict[str, float]])

    def rounding(self, case: str) -> Mapping[str, float]:
        """Return H by output in one case; empty where it was not measured."""
        return self.moved.get(case, {})


def yardstick(
    floor: Floor, precision: str, reference: Runs, cases: Iterable[Case], rounded: Runs | None
) -> Yardstick:
    """Return the yardstick for results of ``precision``.

    Rounding is one draw, and in a small output its effects may cancel: on a classifier
    of two classes H was 25 times smaller in one case of nine than in the median one, and
    three correct results failed there. So no case's H is less than the median case's.
    """
    if precision != "float16" or not rounded:
        return Yardstick(floor, precision)
    measured = {
        case.id: _movements(reference[case.id], rounded[case.id])
        for case in cases
        if case.typical and case.id in reference and case.id in rounded
    }
    rows: dict[str, list[float]] = {}
    for row in measured.values():
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    usual = {name: statistics.median_low(values) for name, values in rows.items()}
    moved = {
        case: {name: max(value, usual[name]) for name, value in row.items()}
        for case, row in measured.items()
    }
    return Yardstick(floor, precision, moved)


def _movements(want: Tensors, got: Tensors) -> dict[str, float]:
    return {name: distance(want[name], got[name]).max_abs for name in want if name in got}


def tolerated(output: str, case: str, *, by: Yardstick, got: Array, rounding: float) -> float:
    """Return the noise that a difference is a multiple of, in the output's own unit.

    Args:
        output: Its name.
        case: Id of the case.
        by: The source's noise, and the precision.
        got: The result's output; its type may be coarser than the source's.
        rounding: H: how far the source itself moves when its weights are rounded to
            float16; 0 for float32.
    """
    floor, precision = by.floor, by.precision
    noise = floor.noise_of(output, case)
    epsilon = floor.epsilon.get(output, 0.0)
    if not epsilon:
        return max(noise, rounding)
    scale, units = floor.lent(output, case), RULES[precision].units
    if precision == "float16":
        # An output stored as float16 is rounded once more, by half a unit at most.
        stored = float(np.finfo(np.float16).eps) / 2 if got.dtype == np.float16 else 0.0
        return max(noise, rounding, units * FLOAT32 * scale, stored * scale)
    if epsilon > FLOAT32:  # the source is 16-bit: one unit, since 8 would hide a fault of 1 %
        return max(noise, epsilon * scale)
    if got.dtype.kind == "f" and got.dtype.itemsize >= 4:  # noqa: PLR2004  # bytes of a float32
        # A float64 source in a framework that has float32 only is as good as float32 is.
        epsilon = max(epsilon, float(np.finfo(got.dtype).eps))
    return max(noise, units * epsilon * scale)


def compare(
    name: str, want: Array, got: Array | None, *, case: str, by: Yardstick, rounding: float = 0.0
) -> Comparison:
    """Return the comparison of one output in one case; ``got`` is None where it is missing."""
    scale = by.floor.scale.get(name, 0.0)
    if got is None:
        return _unlike(name, case, scale, "missing in the result")
    reason = unlike(want, got)
    if reason:
        return _unlike(name, case, scale, reason)
    apart = distance(want, got)
    if apart.mismatch:
        return _unlike(name, case, scale, apart.mismatch)
    lost = energy(apart.snr, apart.max_abs, by.floor.lent(name, case))
    ratio = -10 * math.log10(lost) if lost else math.inf
    if by.precision == "int8":
        excess, limit, reason = _alike(ratio, apart.max_abs, exact=not inexact(want))
    else:
        rule = RULES[by.precision]
        noise = tolerated(name, case, by=by, got=got, rounding=rounding)
        excess, limit = _ratio(apart.max_abs, noise), rule.limit
        reason = _below(ratio, rule.snr) if rule.snr is not None and inexact(want) else ""
    return Comparison(
        output=name,
        max_abs=apart.max_abs,
        max_rel=_ratio(apart.max_abs, scale),
        rmse=apart.rmse,
        cosine=apart.cosine,
        snr=apart.snr,
        top1=top1(want, got),
        excess=excess,
        limit=limit,
        scale=scale,
        case=case,
        passed=excess <= limit and not reason,
        reason=reason,
    )


def unlike(want: Array, got: Array) -> str:
    """Return why two outputs cannot be the same tensor; empty if they can.

    A type may become wider or narrower within its kind, a boolean an integer, an integer
    a float: targets that lack the type do that, and the values still decide. A float that
    became an integer has lost something.
    """
    if want.shape != got.shape:
        return f"shape {list(got.shape)}, the source's is {list(want.shape)}"
    order = "biufc"
    kinds = [array.dtype.kind for array in (want, got)]
    if kinds[0] == kinds[1] and kinds[0] in order + "U":
        return ""
    ordered = all(kind in order for kind in kinds)
    if ordered and (order.index(kinds[0]) < order.index(kinds[1]) or set(kinds) == {"i", "u"}):
        return ""
    return f"type {got.dtype.name}, the source's is {want.dtype.name}"


def _unlike(name: str, case: str, scale: float, reason: str) -> Comparison:
    return Comparison(
        output=name, max_abs=math.inf, max_rel=math.inf, rmse=math.inf, cosine=0.0, snr=None,
        top1=None, excess=math.inf, limit=0.0, scale=scale, case=case, passed=False, reason=reason,
    )  # fmt: skip


def _ratio(value: float, unit: float) -> float:
    if not value:
        return 0.0
    return value / unit if unit else math.inf


def _alike(ratio: float, share: float, *, exact: bool) -> tuple[float, float, str]:
    """Return (excess, limit, reason) of a quantised output in one case.

    Integers out of a quantised model are mostly an arg-max: the same share as for top-1,
    and as with noise ten times as many in a single case.
    """
    if exact:
        few = 10 * (1 - ALIKE_TOP1)
        return share / few, 1.0, "" if share <= few else f"{share:.1%} of the values differ"
    return 10 ** ((ALIKE_SNR_CASE - ratio) / 20), 1.0, _below(ratio, ALIKE_SNR_CASE)


def _below(ratio: float, least: float) -> str:
    return "" if ratio >= least else f"signal-to-noise ratio {ratio:.1f} dB, below {least:g} dB"


def energy(snr: float | None, max_abs: float, scale: float) -> float:
    """Return the error's energy relative to the signal's, or to S where the output is tiny."""
    if snr is None:
        return 0.0
    if max_abs <= SMALL * scale:
        return (max_abs / scale) ** 2 if scale else 0.0
    return float(10 ** (-snr / 10))


def unalike(energies: Sequence[float], classes: Sequence[float]) -> str:
    """Return why an output of a quantised result does not behave alike over all cases.

    Args:
        energies: Of the error, one a case (see ``energy``).
        classes: Share of positions with the same class, one a case; empty without classes.
    """
    noise = statistics.fmean(energies) if energies else 0.0
    if noise <= 10 ** (-ALIKE_SNR / 10) or (classes and statistics.fmean(classes) >= ALIKE_TOP1):
        return ""
    agreed = f", the same class in {statistics.fmean(classes):.1%}" if classes else ""
    return f"signal-to-noise ratio {-10 * math.log10(noise):.1f} dB on average{agreed}"

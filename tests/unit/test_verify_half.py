"""float16 results: how far rounding may move an output, where one case measured almost nothing."""

from __future__ import annotations

import numpy as np

from modelport import verify
from modelport.model import Case, Verdict

MOVED = [3e-4, 2e-4, 1e-7, 4e-4, 3e-4]  # H by case; in the third the effects cancel


def runs(shift: list[float]) -> dict[str, dict[str, np.ndarray]]:
    base = np.random.default_rng(0).uniform(0.1, 0.9, (5, 2)).astype("float32")
    return {f"c{i}": {"y": base[i : i + 1] + np.float32(shift[i])} for i in range(5)}


def verdict(shift: float) -> Verdict:
    reference = runs([0.0] * 5)
    cases = [Case(f"c{i}", "normal", typical=True, feeds={}) for i in range(5)]
    floor = verify.floor(reference, {"unoptimised": reference}, cases)
    guards = verify.Guards((), verify.SelfTest(5, 5, 5))
    return verify.judge(
        reference,
        runs([shift] * 5),
        cases,
        floor,
        precision="float16",
        guards=guards,
        rounded=runs(MOVED),
    ).verdict


def test_a_case_in_which_rounding_cancels_is_held_against_the_median() -> None:
    assert verdict(1e-3) is Verdict.VERIFIED


def test_a_large_difference_is_still_seen() -> None:
    assert verdict(2e-2) is Verdict.DIFFERENT

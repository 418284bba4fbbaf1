from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelport import verify
from modelport.model import Case, Tensors, Verdict

TESTED = verify.Guards(self_test=verify.SelfTest(5, 5, 5))
IDS = ("a", "b", "c")


def cases(*ids: str, typical: bool = True) -> list[Case]:
    return [Case(name, "normal", typical=typical, feeds={}) for name in ids]


def source(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return {
        name: {
            "y": rng.normal(size=(2, 50)).astype(np.float32),
            "z": rng.normal(size=(2, 50)).astype(np.float32),
        }
        for name in IDS
    }


def changed(runs, edit) -> dict[str, Tensors]:
    return {case: edit({name: array.copy() for name, array in outputs.items()})
            for case, outputs in runs.items()}  # fmt: skip


def scaled(by: float):
    return lambda out: {**out, "y": (out["y"] * np.float32(by)).astype(np.float32)}


def floor_of(reference, **variants) -> verify.Floor:
    return verify.floor(reference, variants or {"same": reference}, cases(*reference))


def judged(reference, candidate, *, precision="float32", guards=TESTED, **kwargs):
    floor = kwargs.pop("floor", None) or floor_of(reference)
    return verify.judge(
        reference, candidate, cases(*reference), floor, precision=precision, guards=guards, **kwargs
    )


def test_the_same_outputs_are_verified_with_one_comparison_an_output() -> None:
    found = judged(source(), source())
    assert found.verdict is Verdict.VERIFIED
    assert [c.output for c in found.comparisons] == ["y", "z"]


def without(name: str):
    return lambda out: {key: array for key, array in out.items() if key != name}


def poisoned(value: float):
    def edit(out):
        out["y"][0, 0] = value
        return out

    return edit


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        pytest.param(scaled(1.01), "times the noise", id="scaled-by-1-percent"),
        pytest.param(scaled(0.0), "times the noise", id="all-zeros"),
        pytest.param(lambda o: {**o, "y": o["y"] + np.float32(0.5)}, "times the noise", id="bias"),
        pytest.param(lambda o: {"y": o["z"], "z": o["y"]}, "times the noise", id="swapped"),
        pytest.param(without("z"), "'z' in case a: missing", id="output-dropped"),
        pytest.param(
            lambda o: {**o, "extra": o["y"]}, "that the source lacks: 'extra'", id="extra"
        ),
        pytest.param(lambda o: {**o, "y": o["y"].T}, "shape [50, 2]", id="transposed"),
        pytest.param(lambda o: {**o, "y": o["y"].reshape(1, 100)}, "shape [1, 100]", id="reshaped"),
        pytest.param(
            lambda o: {**o, "y": np.rint(o["y"]).astype(int)}, "type int64", id="integers"
        ),
        pytest.param(poisoned(np.nan), "NaN in other positions", id="nan"),
        pytest.param(poisoned(-np.inf), "infinities in other positions", id="inf"),
    ],
)
def test_a_planted_fault_is_different_and_named(edit, says) -> None:
    found = judged(source(), changed(source(), edit))
    assert found.verdict is Verdict.DIFFERENT
    assert says in found.reason


@pytest.mark.parametrize(
    ("share", "verdict"),
    [
        pytest.param(9.0, Verdict.VERIFIED, id="inside"),
        pytest.param(11.0, Verdict.DIFFERENT, id="outside"),
    ],
)
def test_the_limit_is_ten_times_eight_epsilons_of_the_scale(share, verdict) -> None:
    reference = {
        "a": {"y": np.array([[1.0, 0.0]], np.float32)},
        "b": {"y": np.array([[0.5, 0.0]], np.float32)},
    }
    step = np.float32(share * 8 * 2**-23)
    candidate = changed(reference, lambda o: {"y": o["y"] + np.array([[0, step]], np.float32)})
    assert judged(reference, candidate).verdict is verdict


def test_the_sources_own_noise_widens_the_tolerance() -> None:
    reference = source()
    noisy = changed(reference, scaled(1 + 1e-4))
    candidate = changed(reference, scaled(1 + 9e-4))
    assert judged(reference, candidate).verdict is Verdict.DIFFERENT
    assert (
        judged(reference, candidate, floor=floor_of(reference, ulp=noisy)).verdict
        is Verdict.VERIFIED
    )


def test_noise_of_a_case_that_was_not_measured_is_taken_in_proportion() -> None:
    reference = source()
    noisy = {"a": changed(reference, scaled(1 + 1e-4))["a"]}
    floor = floor_of(reference, ulp=noisy)
    assert floor.noise_of("y", "b") == pytest.approx(floor.noise_of("y", "a"), rel=1e-6)


def test_noise_as_large_as_the_output_is_inconclusive() -> None:
    reference = source()
    found = judged(
        reference, source(), floor=floor_of(reference, ulp=changed(reference, scaled(1.5)))
    )
    assert found.verdict is Verdict.UNVERIFIED
    assert "noise is too large in: 'y'" in found.reason


def test_one_case_that_blew_up_does_not_excuse_the_others() -> None:
    reference = source()
    reference["c"]["y"] = reference["c"]["y"] * np.float32(1e20)
    candidate = changed(reference, lambda o: o)
    candidate["a"]["y"] = candidate["a"]["y"] * np.float32(1.5)
    assert judged(reference, candidate).verdict is Verdict.DIFFERENT


def test_a_tiny_output_borrows_the_scale_of_the_others() -> None:
    reference = source()
    reference["c"]["y"] = np.zeros_like(reference["c"]["y"])
    candidate = changed(reference, lambda o: o)
    candidate["c"]["y"] = candidate["c"]["y"] + np.float32(1e-22)
    assert judged(reference, candidate).verdict is Verdict.VERIFIED


def test_a_missing_case_is_unverified_unless_another_differs() -> None:
    candidate = {name: run for name, run in source().items() if name != "b"}
    found = judged(source(), candidate)
    assert found.verdict is Verdict.UNVERIFIED
    assert "did not run on: 'b'" in found.reason
    assert judged(source(), changed(candidate, scaled(2))).verdict is Verdict.DIFFERENT


def empty(array: np.ndarray) -> dict[str, Tensors]:
    return {name: {"y": array} for name in IDS}


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        pytest.param({}, "no typical case", id="nothing-ran"),
        pytest.param(empty(np.full((2, 2), np.nan, np.float32)), "no finite value", id="all-nan"),
        pytest.param(empty(np.zeros((0, 4), np.float32)), "no finite value", id="no-detections"),
    ],
)
def test_nothing_to_compare_is_unverified(reference, says) -> None:
    found = judged(reference, reference)
    assert found.verdict is Verdict.UNVERIFIED
    assert says in found.reason


def test_stress_is_reported_and_decides_nothing() -> None:
    both = [*cases(*IDS), *cases("zeros", typical=False)]
    reference = {**source(), "zeros": source()["a"]}
    candidate = {**source(), "zeros": changed(source(), scaled(3))["a"]}
    floor = verify.floor(reference, {"same": reference}, both)
    found = verify.judge(reference, candidate, both, floor, precision="float32", guards=TESTED)
    assert found.verdict is Verdict.VERIFIED
    assert [c.passed for c in found.stress] == [False, True]


def test_a_floor_survives_its_cache() -> None:
    reference = source()
    floor = floor_of(reference, ulp=changed(reference, lambda o: without("z")(scaled(1.001)(o))))
    assert floor.noise_of("z", "a") == np.inf
    assert verify.Floor.from_json(json.loads(json.dumps(floor.to_json(), allow_nan=False))) == floor


def test_the_details_are_small_and_drawable() -> None:
    big = {
        name: {"y": np.random.default_rng(0).normal(size=(1, 10**5)).astype(np.float32)}
        for name in IDS
    }
    drawn = judged(big, changed(big, scaled(1 + 1e-7))).details["outputs"]["y"]
    assert sum(drawn["histogram"]["counts"]) == 10**5
    assert len(drawn["histogram"]["counts"]) <= 32
    assert len(drawn["points"]) <= 200


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 2**16))
def test_permuting_an_output_is_always_detected(order, seed) -> None:
    rng = np.random.default_rng(seed)
    reference = {name: {"y": rng.normal(size=(4, 6)).astype(np.float32)} for name in IDS}
    found = judged(reference, changed(reference, lambda o: {"y": o["y"][:, list(order)]}))
    moved = list(order) != list(range(6))
    assert (found.verdict is Verdict.DIFFERENT) is moved

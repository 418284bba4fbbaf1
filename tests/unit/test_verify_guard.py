from __future__ import annotations

import numpy as np
import pytest

from modelport import verify
from modelport.model import Case, Description, Tensors, Verdict

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


@pytest.mark.parametrize(
    ("guards", "verdict", "says"),
    [
        pytest.param(None, Verdict.UNVERIFIED, "did not run", id="none"),
        pytest.param(verify.Guards(), Verdict.UNVERIFIED, "no fault was planted", id="untested"),
        pytest.param(
            verify.Guards(self_test=verify.SelfTest()),
            Verdict.UNVERIFIED,
            "no fault could",
            id="unplantable",
        ),
        pytest.param(
            verify.Guards(self_test=verify.SelfTest(5, 0, 0)),
            Verdict.UNVERIFIED,
            "none of 5",
            id="unreached",
        ),
        pytest.param(
            verify.Guards(self_test=verify.SelfTest(5, 4, 1)),
            Verdict.UNVERIFIED,
            "1 of 4",
            id="blind",
        ),
        pytest.param(
            verify.Guards(self_test=verify.SelfTest(5, 5, 2)),
            Verdict.VERIFIED,
            "",
            id="two-of-five-seen",
        ),
        pytest.param(
            verify.Guards(self_test=verify.SelfTest(weightless=True)),
            Verdict.VERIFIED,
            "",
            id="weightless",
        ),
        pytest.param(
            verify.Guards(("y", "z"), verify.SelfTest(5, 5, 5)),
            Verdict.UNVERIFIED,
            "insensitive",
            id="still",
        ),
        pytest.param(
            verify.Guards(("z",), verify.SelfTest(5, 5, 5)),
            Verdict.VERIFIED,
            "",
            id="one-constant-output",
        ),
    ],
)
def test_without_its_guards_a_pass_means_nothing(guards, verdict, says) -> None:
    found = judged(source(), source(), guards=guards)
    assert found.verdict is verdict
    assert says in found.reason


def test_a_constant_output_among_others_is_a_caution() -> None:
    guards = verify.Guards(("z",), verify.SelfTest(5, 5, 5))
    assert any("'z'" in text for text in judged(source(), source(), guards=guards).cautions)


def test_outputs_that_do_not_move_are_found() -> None:
    reference = changed(source(), lambda o: {**o, "z": np.ones((2, 50), np.float32)})
    assert verify.sensitive(reference, cases(*IDS), floor_of(reference)) == ("z",)


def test_planted_faults_are_counted_by_the_same_rule() -> None:
    reference = source()
    planted = [changed(reference, scaled(1.01)), changed(reference, scaled(1 + 1e-6)), reference]
    test = verify.faults(reference, planted, cases(*IDS), floor_of(reference))
    assert (test.planted, test.reached, test.rejected) == (3, 2, 1)


def test_quantised_is_alike_at_best() -> None:
    assert judged(source(), source(), precision="int8").verdict is Verdict.ALIKE
    assert (
        judged(source(), changed(source(), scaled(1.05)), precision="int8").verdict is Verdict.ALIKE
    )
    assert (
        judged(source(), changed(source(), scaled(0.5)), precision="int8").verdict
        is Verdict.DIFFERENT
    )


def test_quantised_may_be_worse_in_one_case_than_on_average() -> None:
    candidate = source()
    candidate["a"] = scaled(0.88)(candidate["a"])
    assert judged(source(), candidate, precision="int8").verdict is Verdict.ALIKE
    noise = np.random.default_rng(9).normal(scale=0.15, size=(2, 50)).astype(np.float32)
    candidate = changed(
        source(), lambda o: {**o, "y": o["y"][::-1] * np.float32(0.2) + o["y"] + noise}
    )
    assert "on average" in judged(source(), candidate, precision="int8").reason


@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_noise_on_next_to_nothing_is_no_difference(precision) -> None:
    reference = source()
    reference["c"]["y"] = reference["c"]["y"] * np.float32(1e-8)
    candidate = changed(reference, lambda o: o)
    candidate["c"]["y"] = -candidate["c"]["y"]
    found = judged(reference, candidate, precision=precision, rounded=reference)
    assert found.verdict in {Verdict.ALIKE, Verdict.VERIFIED}


def test_an_unknown_precision_is_never_verified() -> None:
    assert judged(source(), source(), precision="int4").verdict is Verdict.ALIKE


def test_float16_is_held_against_the_source_with_rounded_weights() -> None:
    rounded = changed(source(), scaled(1 + 5e-4))
    near, far = changed(source(), scaled(1 + 5e-3)), changed(source(), scaled(1.05))
    assert judged(source(), near, precision="float32").verdict is Verdict.DIFFERENT
    assert judged(source(), near, precision="float16", rounded=rounded).verdict is Verdict.VERIFIED
    assert judged(source(), far, precision="float16", rounded=rounded).verdict is Verdict.DIFFERENT


def test_float16_without_its_measure_is_unverified() -> None:
    found = judged(source(), changed(source(), scaled(1 + 5e-3)), precision="float16")
    assert found.verdict is Verdict.UNVERIFIED
    assert "rounded weights" in found.reason


def integers(dtype=np.int64) -> dict[str, Tensors]:
    rng = np.random.default_rng(1)
    return {name: {"y": rng.integers(0, 50, (1, 1000)).astype(dtype)} for name in IDS}


def one_off(out):
    out["y"].flat[0] += 1
    return out


def test_integers_have_to_be_equal() -> None:
    assert judged(integers(), integers()).verdict is Verdict.VERIFIED
    assert judged(integers(), changed(integers(), one_off)).verdict is Verdict.DIFFERENT


def test_integers_that_flip_in_the_source_itself_may_flip() -> None:
    floor = floor_of(integers(), ulp=changed(integers(), one_off))
    assert judged(integers(), changed(integers(), one_off), floor=floor).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        pytest.param(np.int64, np.int32, Verdict.VERIFIED, id="narrower"),
        pytest.param(np.int64, np.float32, Verdict.VERIFIED, id="target-without-integers"),
        pytest.param(np.float32, np.int64, Verdict.DIFFERENT, id="float-became-integer"),
        pytest.param(np.int64, np.str_, Verdict.DIFFERENT, id="number-became-text"),
    ],
)
def test_a_type_may_widen_or_narrow_but_lose_nothing(before, after, verdict) -> None:
    found = judged(
        integers(before), changed(integers(before), lambda o: {"y": o["y"].astype(after)})
    )
    assert found.verdict is verdict
    assert "'y' is" in found.cautions[0]


def test_a_double_source_may_become_single() -> None:
    reference = {name: {"y": np.random.default_rng(2).normal(size=50)} for name in IDS}
    found = judged(reference, changed(reference, lambda o: {"y": o["y"].astype(np.float32)}))
    assert found.verdict is Verdict.VERIFIED


def test_a_single_source_may_not_pass_as_half() -> None:
    found = judged(source(), changed(source(), lambda o: {**o, "y": o["y"].astype(np.float16)}))
    assert found.verdict is Verdict.DIFFERENT


def test_strings_have_to_be_equal() -> None:
    reference = {name: {"y": np.array(["cat", "dog", name])} for name in IDS}
    other = {name: {"y": np.array(["cat", "fox", name])} for name in IDS}
    assert judged(reference, reference).verdict is Verdict.VERIFIED
    assert judged(reference, other).verdict is Verdict.DIFFERENT


@pytest.mark.parametrize(
    ("operators", "want"),
    [
        pytest.param({"Conv": 3, "Relu": 2}, False, id="float"),
        pytest.param({"DynamicQuantizeLinear": 1, "MatMulInteger": 1}, True, id="dynamic"),
        pytest.param({"com.microsoft.QLinearAdd": 1}, True, id="with-domain"),
    ],
)
def test_a_source_that_rounds_while_it_runs_is_quantised(operators, want) -> None:
    assert verify.quantised(Description("onnx", (), (), operators=operators)) is want

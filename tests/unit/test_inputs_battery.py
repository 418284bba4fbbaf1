from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modelport.errors import BadInputs
from modelport.inputs import battery, named, probes, ulp
from modelport.model import Case, Description, Tensor

DTYPES = ["float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool", "string"]


def described(*tensors: Tensor) -> Description:
    return Description("onnx", tensors, ())


def cases_of(*tensors: Tensor, shapes=None, seed: int = 0, **kwargs) -> dict[str, Case]:
    sizes = shapes or {tensor.name: tensor.shape for tensor in tensors}
    return {c.id: c for c in battery(described(*tensors), sizes, seed=seed, **kwargs)}


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_case_has_the_dtype_and_the_shape_of_the_input(dtype: str) -> None:
    for case in cases_of(Tensor("x", dtype, (2, 5))).values():
        array = case.feeds["x"]
        assert array.shape == (2, 5)
        assert array.dtype.kind == "U" if dtype == "string" else array.dtype.name == dtype


@pytest.mark.parametrize("dtype", ["bfloat16", "float8e4m3fn", "int4", "sequence(float32)"])
def test_a_type_that_no_array_holds_is_refused_by_name(dtype: str) -> None:
    with pytest.raises(BadInputs, match=re.escape(dtype)):
        cases_of(Tensor("x", dtype, (2,)))


def test_the_same_seed_gives_the_same_cases_and_another_seed_others() -> None:
    tensor = Tensor("x", "float32", (3, 4))
    first, again, other = (cases_of(tensor, seed=seed) for seed in (7, 7, 8))
    assert all(
        np.array_equal(c.feeds["x"], again[i].feeds["x"], equal_nan=True) for i, c in first.items()
    )
    assert not np.array_equal(first["normal-0"].feeds["x"], other["normal-0"].feeds["x"])


def test_another_input_does_not_change_the_first_one() -> None:
    x, y = Tensor("x", "float32", (3,)), Tensor("y", "float32", (3,))
    alone, together = cases_of(x)["uniform"], cases_of(y, x)["uniform"]
    assert np.array_equal(alone.feeds["x"], together.feeds["x"])


def test_ids_are_unique_legal_file_names() -> None:
    tensors = (Tensor("x", "float32", (1, 3, 32, 32)), Tensor("a/b:0", "bool", ()))
    cases = battery(described(*tensors), {t.name: t.shape for t in tensors}, seed=0)
    ids = [case.id for case in cases]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in ids)


@settings(max_examples=50, deadline=None)
@given(
    low=st.integers(-50, 50), span=st.integers(0, 300), seed=st.integers(0, 2**31),
    dtype=st.sampled_from(["int32", "int64"]),
)  # fmt: skip
def test_integers_never_leave_their_hints(low, span, seed, dtype) -> None:
    tensor = Tensor("ids", dtype, (2, 9), {"minimum": low, "maximum": low + span})
    for case in cases_of(tensor, seed=seed).values():
        assert case.feeds["ids"].min() >= low
        assert case.feeds["ids"].max() <= low + span


def test_integers_without_hints_stay_small() -> None:
    assert all(0 <= c.feeds["i"].min() <= c.feeds["i"].max() <= 9
               for c in cases_of(Tensor("i", "int64", (50,))).values())  # fmt: skip


def test_integers_stay_within_the_given_ones() -> None:
    sample = np.array([[3, 8, 5, 4]], np.int64)
    cases = cases_of(Tensor("i", "int64", (1, 4)), given={"i": sample})
    assert next(iter(cases)) == "given"
    assert np.array_equal(cases["given"].feeds["i"], sample)
    assert all(3 <= c.feeds["i"].min() <= c.feeds["i"].max() <= 8 for c in cases.values())


def test_every_value_of_an_enumerated_scalar_is_run_by_typical_cases() -> None:
    sr = Tensor("sr", "int64", (), {"values": [16000, 8000]})
    cases = cases_of(Tensor("x", "float32", (1, 576)), sr)
    seen = {int(c.feeds["sr"]) for c in cases.values() if c.typical}
    assert seen == {8000, 16000}
    assert int(cases["normal-0"].feeds["sr"]) == 16000


def test_both_booleans_are_run() -> None:
    assert {bool(c.feeds["on"]) for c in cases_of(Tensor("on", "bool", ())).values()} == {
        True,
        False,
    }


def test_pictures_get_pictures_and_states_do_not() -> None:
    tensors = (Tensor("image", "float32", (1, 3, 32, 32)), Tensor("h0", "float32", (2, 1, 64)))
    cases = cases_of(*tensors)
    pixels = cases["pixels"].feeds["image"]
    assert pixels.min() >= 0
    assert 200 < pixels.max() <= 255
    assert np.abs(cases["pixels"].feeds["h0"]).max() < 10
    assert np.abs(cases["image"].feeds["image"]).max() < 4


def test_no_picture_cases_for_a_sequence_of_features() -> None:
    assert "pixels" not in cases_of(Tensor("x", "float32", (1, 16, 96)))


def test_points_become_cases_of_their_shape() -> None:
    tensor = Tensor("x", "float32", ("n", 4))
    cases = cases_of(tensor, shapes={"x": (1, 4)}, points=[{"x": (2, 4)}, {"x": (3, 4)}])
    assert cases["point-1"].feeds["x"].shape == (3, 4)
    assert cases["point-1"].typical


def test_stress_comes_last_and_decides_nothing() -> None:
    cases = list(cases_of(Tensor("x", "float32", (8,))).values())
    stress = [case.id for case in cases if not case.typical]
    assert stress == ["zeros", "ones", "large", "nan", "inf"]
    assert [case.id for case in cases[-5:]] == stress
    assert np.isnan(cases[-2].feeds["x"]).any()
    assert np.isfinite(cases[-2].feeds["x"]).any()


def test_integers_have_no_large_or_nan_stress() -> None:
    assert {c.id for c in cases_of(Tensor("i", "int32", (4,))).values() if not c.typical} == {
        "zeros",
        "ones",
    }


def test_probes_try_every_combination_likeliest_first() -> None:
    sr = Tensor("sr", "int64", (), {"values": [16000, 8000]})
    found = probes(described(sr), {"sr": ()}, seed=0)
    assert [int(case.feeds["sr"]) for case in found] == [16000, 8000]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        pytest.param(
            {"x": np.zeros((1, 4), np.float64)}, "is float64, the model takes float32", id="dtype"
        ),
        pytest.param(
            {"x": np.zeros((1, 5), np.float32)}, r"\[1,5\], the model takes \[\?,4\]", id="shape"
        ),
        pytest.param({"z": np.zeros((1, 4), np.float32)}, "no input 'z'", id="name"),
        pytest.param(
            {"arr_0": np.zeros((1, 4), np.float32), "arr_1": np.zeros(1)},
            "2 arrays for 1",
            id="count",
        ),
    ],
)
def test_given_arrays_that_do_not_fit_are_refused(arrays, says) -> None:
    with pytest.raises(BadInputs, match=says):
        named(described(Tensor("x", "float32", (None, 4))), arrays)


def test_a_missing_input_is_named() -> None:
    model = described(Tensor("x", "float32", (1,)), Tensor("y", "float32", (1,)))
    with pytest.raises(BadInputs, match="no array for input 'y'"):
        named(model, {"x": np.zeros(1, np.float32)})


def test_arrays_without_names_count_positions_beyond_nine() -> None:
    model = described(*(Tensor(f"t{i}", "int64", ()) for i in range(11)))
    arrays = {f"arr_{i}": np.asarray(i, np.int64) for i in range(11)}
    assert [int(array) for array in named(model, arrays).values()] == list(range(11))


@given(hnp.arrays(np.float32, (6,), elements=st.floats(-1e6, 1e6, width=32)), st.integers(0, 99))
def test_ulp_moves_by_one_unit_at_most(values, seed) -> None:
    case = Case("c", "normal", typical=True, feeds={"x": values, "i": np.arange(3)})
    up, any_way = ulp(case, "up"), ulp(case, seed)
    assert np.array_equal(up.feeds["x"], np.nextafter(values, np.float32(np.inf)))
    assert np.all(np.abs(any_way.feeds["x"] - values) <= np.spacing(np.abs(values)))
    assert up.id == "c"
    assert np.array_equal(up.feeds["i"], np.arange(3))


def test_ulp_leaves_what_is_not_finite() -> None:
    values = np.array([np.nan, np.inf, -np.inf, np.finfo(np.float16).max], np.float16)
    moved = ulp(Case("c", "nan", typical=False, feeds={"x": values}), "up").feeds["x"]
    assert np.array_equal(moved, values, equal_nan=True)

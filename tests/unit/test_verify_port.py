from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelport.model import Port
from modelport.verify import misfit, to_source, to_target

X = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)


@given(st.permutations(range(4)))
def test_what_goes_out_comes_back(axes) -> None:
    ports = (Port("x", "in0", axes=tuple(axes)),)
    there = to_target({"x": X, "y": X}, ports)
    assert list(there) == ["in0", "y"]
    assert np.array_equal(there["in0"], np.transpose(X, axes))
    assert np.array_equal(to_source(there, ports)["x"], X)


def test_inputs_that_are_gone_are_left_out() -> None:
    assert to_target({"sr": X}, (Port("sr", None, constant=16000),)) == {}


def test_one_target_output_may_serve_two() -> None:
    assert list(to_source({"o": X}, (Port("a", "o"), Port("b", "o")))) == ["a", "b"]


def test_swapped_names_are_swapped_back() -> None:
    found = to_source({"b": X, "a": -X}, (Port("a", "b"), Port("b", "a")))
    assert np.array_equal(found["a"], X)
    assert np.array_equal(found["b"], -X)


def test_an_unmapped_output_does_not_take_the_place_of_a_mapped_one() -> None:
    found = to_source({"a": -X, "o": X}, (Port("a", "o"),))
    assert np.array_equal(found["a"], X)
    assert len(found) == 2


def test_another_rank_than_declared_is_left_for_the_comparison() -> None:
    assert to_source({"o": X[0]}, (Port("a", "o", axes=(0, 2, 3, 1)),))["a"].shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("port", "says"),
    [
        pytest.param(Port("x", "x"), "", id="free"),
        pytest.param(Port("x", "x", shape=(1, 2, 3, 4)), "", id="the-shape"),
        pytest.param(Port("x", "x", shape=(2, 2, 3, 4)), "fixed to shape", id="another-shape"),
        pytest.param(Port("x", "x", axes=(0, 2, 3, 1), shape=(1, 3, 4, 2)), "", id="turned"),
        pytest.param(Port("sr", None, constant=16000), "", id="the-constant"),
        pytest.param(Port("sr", None, constant=8000), "built in as 8000", id="another-constant"),
        pytest.param(Port("sr", None), "", id="unused"),
        pytest.param(Port("other", None, constant=1), "", id="not-fed"),
    ],
)
def test_a_case_that_the_target_cannot_take_is_named(port, says) -> None:
    found = misfit({"x": X, "sr": np.asarray(16000)}, (port,))
    assert says in found
    assert bool(found) is bool(says)

"""Inputs and outputs followed through several steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelport.engine import mapping
from modelport.errors import WorkerDied
from modelport.model import Description, Mapped, Port, Tensor

SOURCE = Description(
    "onnx",
    (Tensor("x", "float32", ("N", 3, 8, 8)), Tensor("sr", "int64", ())),
    (Tensor("y", "float32", ("N", 10)),),
)


def test_what_no_step_names_is_kept() -> None:
    start = mapping.identity(SOURCE)
    assert mapping.compose(start, Mapped()) == start


def test_names_are_followed_through_two_steps() -> None:
    first = Mapped((Port("x", "a"),), (Port("y", "b"),))
    second = Mapped((Port("a", "in0", extra={"batch_index": 0}),), (Port("b", "out0"),))
    ends = mapping.compose(mapping.compose(mapping.identity(SOURCE), first), second)
    assert [(p.source, p.target) for p in (*ends.inputs, *ends.outputs)] == [
        ("x", "in0"),
        ("sr", "sr"),
        ("y", "out0"),
    ]
    assert ends.inputs[0].extra == {"batch_index": 0}


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_two_transpositions_become_one(first: list[int], second: list[int]) -> None:
    one = Mapped((Port("x", "x", tuple(first)),))
    both = mapping.compose(one, Mapped((Port("x", "x", tuple(second)),))).inputs[0].axes
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    np.testing.assert_array_equal(array.transpose(both), array.transpose(first).transpose(second))


@pytest.mark.parametrize("first", [Port("x", "x", (1, 0)), Port("x", "x", (), None, (2, 3))])
def test_ranks_that_do_not_agree_are_the_converter_s_fault(first: Port) -> None:
    with pytest.raises(WorkerDied, match="different ranks"):
        mapping.compose(Mapped((first,)), Mapped((Port("x", "x", (0, 2, 1)),)))


def test_a_fixed_shape_is_told_in_the_layout_of_the_source() -> None:
    to_nhwc = Mapped((Port("x", "x", (0, 2, 3, 1)),))
    fixed = mapping.compose(to_nhwc, Mapped((Port("x", "x", (), None, (1, 8, 9, 3)),)))
    assert mapping.restrictions(fixed, SOURCE) == ("input x takes the shape 1x3x8x9 only",)


@pytest.mark.parametrize(
    ("port", "want"),
    [
        pytest.param(Port("sr", None, constant=16000), "input sr is fixed at 16000", id="constant"),
        pytest.param(
            Port("x", "x", shape=(1, 3, 8, 8)), "input x takes the shape 1x3x8x8 only", id="shape"
        ),
        pytest.param(Port("x", None), "input x is gone", id="gone"),
    ],
)
def test_restrictions_are_said(port: Port, want: str) -> None:
    assert mapping.restrictions(Mapped((port,)), SOURCE) == (want,)

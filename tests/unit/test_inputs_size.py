from __future__ import annotations

import numpy as np
import pytest

from modelport.errors import BadInputs
from modelport.inputs import ladder, neighbours
from modelport.model import Description, Tensor


def described(*tensors: tuple[str, str, tuple | None]) -> Description:
    return Description("onnx", tuple(Tensor(*tensor) for tensor in tensors), ())


@pytest.mark.parametrize(
    ("tensors", "first"),
    [
        pytest.param([("x", "float32", (1, 16))], {"x": (1, 16)}, id="nothing-open"),
        pytest.param([("x", "float32", ("N", 3, "h", "w"))], {"x": (1, 3, 224, 224)}, id="nchw"),
        pytest.param([("x", "uint8", (None, None, None, 3))], {"x": (1, 224, 224, 3)}, id="nhwc"),
        pytest.param([("x", "float32", ("?", 3, "?", "?"))], {"x": (1, 3, 224, 224)}, id="unnamed"),
        pytest.param([("x", "float32", (-1, 3, -1, -1))], {"x": (1, 3, 224, 224)}, id="minus-one"),
        pytest.param([("x", "float32", (None,) * 4)], {"x": (1, 3, 224, 224)}, id="colours-open"),
        pytest.param(
            [("ids", "int64", ("batch", "seq")), ("mask", "int64", ("batch", "seq"))],
            {"ids": (1, 16), "mask": (1, 16)},
            id="shared-names",
        ),
        pytest.param([("wave", "float32", ("b", "samples"))], {"wave": (1, 16000)}, id="audio"),
        pytest.param(
            [("input", "float32", (None, None)), ("state", "float32", (2, None, 128))],
            {"input": (1, 16000), "state": (2, 1, 128)},
            id="state-batch-in-the-middle",
        ),
        pytest.param(
            [("x", "float32", ("unk__749", 43844, 1))], {"x": (1, 43844, 1)}, id="long-audio"
        ),
        pytest.param(
            [("input", "float32", ("batch_size", 3, "frames", 160))],
            {"input": (1, 3, 16, 160)},
            id="frames",
        ),
        pytest.param(
            [
                ("ids", "int64", ("b", "seq")),
                ("mask", "int64", ("b", "past + seq")),
                ("past", "float32", ("b", 4, "past", 8)),
            ],
            {"ids": (1, 16), "mask": (1, 32), "past": (1, 4, 16, 8)},
            id="formula",
        ),
        pytest.param([("lengths", "int64", (None,))], {"lengths": (1,)}, id="rank-one-integer"),
    ],
)
def test_the_best_guess_comes_first(tensors, first) -> None:
    assert ladder(described(*tensors))[0] == first


def test_a_ladder_is_short_and_names_every_input_in_every_candidate() -> None:
    model = described(("x", "float32", (None,) * 4), ("r", "float32", None))
    candidates = ladder(model)
    assert 1 < len(candidates) <= 16
    assert all(set(candidate) == {"x", "r"} for candidate in candidates)


def test_an_input_without_a_rank_is_tried_with_several_ranks() -> None:
    ranks = {len(candidate["x"]) for candidate in ladder(described(("x", "float32", None)))}
    assert {0, 1, 2, 3, 4} <= ranks


def test_what_the_voice_detectors_take_is_among_the_candidates() -> None:
    sizes = {c["x"][1] for c in ladder(described(("x", "float32", ("batch", "sequence"))))}
    assert {512, 576} <= sizes


def test_fixed_shapes_win_and_bind_the_names_they_share() -> None:
    model = described(("a", "float32", ("n", "t")), ("b", "float32", ("n", "t", 4)))
    assert ladder(model, fixed={"a": (2, 7)}) == ({"a": (2, 7), "b": (2, 7, 4)},)


def test_given_arrays_bind_shapes_too() -> None:
    model = described(("a", "float32", ("n", 5)), ("b", "float32", ("n",)))
    given = {"a": np.zeros((3, 5), np.float32), "b": np.zeros(3, np.float32)}
    assert ladder(model, given=given) == ({"a": (3, 5), "b": (3,)},)


@pytest.mark.parametrize(
    ("fixed", "given", "says"),
    [
        pytest.param({"y": (1, 4)}, {}, "no input 'y'", id="unknown-name"),
        pytest.param({"x": (1, 5)}, {}, "takes \\[n,4\\]", id="contradicts-the-model"),
        pytest.param({"x": (1,)}, {}, "takes \\[n,4\\]", id="other-rank"),
        pytest.param({"x": (0, 4)}, {}, "below 1", id="empty"),
        pytest.param(
            {"x": (1, 4)}, {"x": (2, 4)}, "asked as \\[1,4\\]", id="contradicts-the-array"
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(fixed, given, says) -> None:
    arrays = {name: np.zeros(shape, np.float32) for name, shape in given.items()}
    with pytest.raises(BadInputs, match=says):
        ladder(described(("x", "float32", ("n", 4))), given=arrays, fixed=fixed)


def test_one_name_with_two_sizes_is_refused() -> None:
    model = described(("a", "float32", ("n",)), ("b", "float32", ("n",)))
    with pytest.raises(BadInputs, match="same size"):
        ladder(model, fixed={"a": (2,), "b": (3,)})


def test_neighbours_move_one_role_at_a_time_and_leave_pictures_not_square() -> None:
    model = described(("x", "float32", ("n", 3, "h", "w")))
    points = [point["x"] for point in neighbours(model, {"x": (1, 3, 224, 224)})]
    assert (2, 3, 224, 224) in points
    assert (3, 3, 224, 224) in points
    assert (1, 3, 224, 256) in points


def test_neighbours_follow_a_formula() -> None:
    model = described(("a", "float32", (1, "t")), ("b", "float32", (1, "t + 1")))
    points = neighbours(model, {"a": (1, 16), "b": (1, 17)})
    assert points
    assert all(point["b"][1] == point["a"][1] + 1 for point in points)


def test_neighbours_keep_what_the_user_fixed() -> None:
    model = described(("a", "float32", (1, "t")), ("b", "float32", (1, "u")))
    points = neighbours(model, {"a": (1, 5), "b": (1, 8)}, fixed={"a": (1, 5)})
    assert points
    assert {point["a"] for point in points} == {(1, 5)}


def test_a_short_sequence_is_not_made_shorter() -> None:
    model = described(("x", "float32", (1, "frames", 160)))
    points = neighbours(model, {"x": (1, 16, 160)})
    assert {point["x"][1] for point in points} == {17, 32}
    assert (1, 256, 160) in [p["x"] for p in neighbours(model, {"x": (1, 512, 160)})]


def test_nothing_open_has_no_neighbours() -> None:
    assert neighbours(described(("x", "float32", (1, 4))), {"x": (1, 4)}) == ()

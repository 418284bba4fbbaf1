from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelport.weigh import match, search

RNG = np.random.default_rng(0)
CONV = RNG.normal(size=(16, 8, 3, 3)).astype(np.float32)
GEMM = RNG.normal(size=(64, 32)).astype(np.float32)
FACTORS = RNG.uniform(0.5, 2, size=(16, 1, 1, 1)).astype(np.float32)
FOLDED = CONV * FACTORS


@pytest.mark.parametrize(
    ("source", "target", "how"),
    [
        pytest.param(CONV, CONV, "exact", id="same"),
        pytest.param(CONV, CONV.reshape(16, -1), "exact", id="reshaped"),
        pytest.param(CONV, CONV.astype(np.float64), "exact", id="as-double"),
        pytest.param(CONV, CONV.transpose(2, 3, 1, 0), "permuted", id="hwio"),
        pytest.param(CONV, CONV.transpose(0, 2, 3, 1), "permuted", id="ohwi"),
        pytest.param(GEMM, GEMM.T, "permuted", id="transposed"),
        pytest.param(GEMM, np.roll(GEMM, 16, axis=0), "permuted", id="gates-reordered"),
        pytest.param(
            GEMM, np.concatenate([CONV[:, :2].reshape(-1, 32), GEMM]), "permuted", id="joined"
        ),
        pytest.param(
            GEMM.T, np.concatenate([GEMM.T, GEMM.T + 1], axis=1), "permuted", id="columns"
        ),
        pytest.param(CONV, FOLDED, "proportional", id="folded"),
        pytest.param(CONV, FOLDED.transpose(2, 3, 1, 0), "proportional", id="folded-and-turned"),
        pytest.param(
            CONV, CONV * FACTORS[:8].reshape(1, 8, 1, 1), "proportional", id="input-channels"
        ),
        pytest.param(CONV, CONV.astype(np.float16), "rounded", id="half"),
        pytest.param(GEMM, GEMM.astype(np.float16).T, "rounded", id="half-transposed"),
        pytest.param(CONV, FOLDED.astype(np.float16), "proportional", id="half-folded"),
    ],
)
def test_how_a_tensor_is_found(source, target, how) -> None:
    found = match([("w", source)], [("other", RNG.normal(size=(64, 32))), ("t", target)])
    assert getattr(found, how) == source.size == found.total
    assert found.share == 1.0
    assert not found.suspicious


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(RNG.normal(size=CONV.shape).astype(np.float32), id="other-values"),
        pytest.param(np.zeros_like(CONV), id="zeros"),
        pytest.param(CONV[:8], id="half-of-it"),
        pytest.param(np.rint(CONV * 40).astype(np.int8), id="quantised"),
    ],
)
def test_what_is_not_there_is_named(target) -> None:
    found = match([("w", CONV)], [("t", target)])
    assert found.share == 0.0
    assert found.unmatched == ("w",)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, CONV.size - 1), st.booleans(), st.sampled_from([0.99, 1.01]))
def test_a_single_element_off_by_1_percent_is_suspicious(position, folded, by) -> None:
    target = (FOLDED if folded else CONV).copy()
    target.flat[position] *= np.float32(by)
    found = match([("w", CONV)], [("t", target)])
    row = np.abs(CONV[position // 72])
    clear = row.flat[position % 72] > 1e-3 * row.max()
    assert [(s.name, s.elements) for s in found.suspicious] == ([("w", 1)] if clear else [])


def test_a_bad_copy_beside_a_good_one_is_suspicious() -> None:
    bad = GEMM.T.copy()
    bad[3, 5] *= np.float32(1.01)
    found = match([("w", GEMM)], [("good", GEMM), ("bad", bad)])
    assert found.share == 1.0
    assert [(s.name, s.target, s.elements) for s in found.suspicious] == [("w", "bad", 1)]


def test_an_element_of_a_windowed_filter_is_found() -> None:
    window = np.hanning(4096)[:, None].T.astype(np.float32)
    filters = (RNG.normal(size=(6, 4096)) * window**3).astype(np.float32)
    target = filters * FACTORS[:6, :, 0, 0]
    target[2, 2000] *= np.float32(1.01)
    found = match([("w", filters)], [("t", target)])
    assert [(s.name, s.elements) for s in found.suspicious] == [("w", 1)]


def test_biases_and_small_tensors_are_left_out() -> None:
    found = match([("b", np.ones(64, np.float32)), ("s", np.ones((2, 2), np.float32))], [])
    assert found.total == 0
    assert found.share is None


def test_a_file_is_searched_for_every_form(tmp_path) -> None:
    other = RNG.normal(size=(7, 11)).astype(np.float32)
    path = tmp_path / "weights.bin"
    half = GEMM.astype(np.float16).tobytes()
    path.write_bytes(b"head" + CONV.tobytes() + b"x" + other.T.tobytes() + half)
    lost = RNG.normal(size=(9, 9)).astype(np.float32)
    found = search([("h", GEMM), ("c", CONV), ("o", other), ("l", lost)], [path])
    assert (found.exact, found.permuted, found.rounded) == (CONV.size, other.size, GEMM.size)
    assert found.unmatched == ("l",)


def test_a_search_that_takes_too_long_says_what_it_left_out(tmp_path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(100_000))
    found = search([("c", CONV), ("g", GEMM)], [path], budget=50_000)
    assert "2 tensors" in found.skipped
    assert found.share == 0.0


def test_an_empty_file_holds_nothing(tmp_path) -> None:
    path = tmp_path / "empty.bin"
    path.write_bytes(b"")
    assert search([("c", CONV)], [path]).share == 0.0

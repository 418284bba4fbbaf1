"""The verdict on weights that were moved without a graph."""

from __future__ import annotations

import numpy as np
import pytest

from modelport.engine.weights_alone import judged
from modelport.model import Verdict

TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, np.float64)}


def test_the_same_tensors_are_structural() -> None:
    assert judged(TENSORS, dict(TENSORS)).verdict is Verdict.STRUCTURAL


@pytest.mark.parametrize(
    "after",
    [
        pytest.param({"a": TENSORS["a"]}, id="one-is-missing"),
        pytest.param({**TENSORS, "c": TENSORS["b"]}, id="one-was-added"),
        pytest.param({**TENSORS, "a": TENSORS["a"].T}, id="transposed"),
        pytest.param({**TENSORS, "b": TENSORS["b"].astype(np.float32)}, id="another-type"),
        pytest.param({**TENSORS, "a": np.nextafter(TENSORS["a"], 9)}, id="one-bit"),
    ],
)
def test_anything_else_is_different(after: dict[str, np.ndarray]) -> None:
    assert judged(TENSORS, after).verdict is Verdict.DIFFERENT

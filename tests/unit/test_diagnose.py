"""Which layer is named, from compared tensors alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelport import diagnose
from modelport.diagnose import Diagnosis, Layer
from modelport.model import Comparison, Port
from modelport.report import fault


def layer(node: int, passed: bool = True) -> Layer:
    excess = 0.5 if passed else 4000.0
    return Layer(node, "Conv", f"conv{node}", f"t{node}", excess, 10.0, 1e-7, passed)


@pytest.mark.parametrize(
    ("marks", "want"),
    [
        pytest.param("ooo", None, id="all-agree"),
        pytest.param("oox", 2, id="the-last-one"),
        pytest.param("xxx", 0, id="from-the-beginning"),
        pytest.param("oxo", 1, id="an-error-that-a-later-layer-hides"),
        pytest.param("", None, id="nothing-compared"),
    ],
)
def test_the_first_layer_that_is_off_is_suspected(marks: str, want: int | None) -> None:
    found = diagnose.suspect([layer(node, mark == "o") for node, mark in enumerate(marks)])
    assert (found and found.node) == want


@pytest.mark.parametrize(
    ("reads", "want"),
    [
        pytest.param(("t0", "t1"), True, id="all-that-it-reads-agrees"),
        pytest.param(("t1", "unseen"), False, id="an-operand-from-far-off-was-not-compared"),
        pytest.param((), True, id="it-reads-only-inputs"),
    ],
)
def test_a_layer_is_cornered_when_all_that_it_reads_agrees(reads: tuple, want: bool) -> None:
    off = replace(layer(3, passed=False), reads=reads)
    assert diagnose.cornered([layer(0), layer(1), off], off) is want


def test_the_last_that_agrees_is_one_that_the_layer_reads() -> None:
    off = replace(layer(5, passed=False), reads=("t1",))
    assert diagnose.before([layer(1), layer(4), off], off) == layer(1)


def test_a_later_round_replaces_an_earlier_one_and_keeps_the_order() -> None:
    merged = diagnose.merge([layer(4, False), layer(0)], [layer(2), layer(4)])
    assert [(one.node, one.passed) for one in merged] == [(0, True), (2, True), (4, True)]


def test_a_tensor_that_the_target_has_not_is_left_out() -> None:
    ports = [
        Port(name, name, extra={"node": node, "operator": "Relu", "title": "", "reads": []})
        for node, name in ((3, "b"), (1, "a"), (2, "gone"))
    ]
    found = [
        Comparison(name, 0.0, 0.0, 0.0, 1.0, None, None, 0.0, 10.0, 1.0, "c", True)
        for name in ("b", "a")
    ]
    assert [one.tensor for one in diagnose.layers(ports, found)] == ["a", "b"]


@pytest.mark.parametrize(
    ("diagnosis", "words"),
    [
        pytest.param(
            Diagnosis("layer", "onnx-to-mnn", layer(1), layer(2, passed=False), 1),
            "onnx-to-mnn goes wrong at node 2, Conv 'conv2'; node 1, Conv 'conv1' is the last",
            id="layer",
        ),
        pytest.param(
            Diagnosis("stretch", "onnx-to-mnn", None, layer(7, passed=False), 8),
            "within 8 nodes up to node 7",
            id="stretch",
        ),
        pytest.param(
            Diagnosis("swapped", "onnx-to-mnn", outputs=("a", "b")),
            "puts the outputs a and b in each other's place",
            id="swapped",
        ),
        pytest.param(Diagnosis("vanished", "s"), "neighbouring layers", id="vanished"),
        pytest.param(Diagnosis("step", "s", remark="too large"), "too large", id="step"),
    ],
)
def test_the_sentence_names_what_was_found(diagnosis: Diagnosis, words: str) -> None:
    assert words in fault(diagnosis.to_json())

"""docs/support.md: what the generator writes from the committed records, and how it judges."""

from __future__ import annotations

import dataclasses

import pytest
from benchmarks import proof, support
from benchmarks.proof import Proof

from modelport.registry import Registry

ONE = Proof("onnx", "ncnn", "net", "verified", "scoreboard", "2026-11-25", error=1.2e-7)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load(frozenset())


def test_the_page_is_what_the_generator_writes(registry: Registry) -> None:
    want = support.page(registry, proof.everything())
    assert support.PAGE.read_text("utf-8") == want, "run make support"


def row(page: str, source: str, target: str) -> list[str]:
    (line,) = [one for one in page.splitlines() if one.startswith(f"| {source} | {target} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(
    ("outcomes", "want"),
    [
        pytest.param((), "planned only", id="nothing"),
        pytest.param(("unsupported-operator", "verified"), "verified", id="best-of-its-models"),
        pytest.param(("measured", "unverified"), "measured", id="outside-of-the-flow"),
        pytest.param(("unsupported-operator", "timed-out"), "refused", id="refusals-alone"),
        pytest.param(("different", "unverified"), "unverified", id="nothing-proved"),
    ],
)
def test_a_pair_has_the_class_of_its_best_model(outcomes: tuple[str, ...], want: str) -> None:
    some = [dataclasses.replace(ONE, model=name, outcome=name) for name in outcomes]
    assert support.verdict(some) == want


def test_what_proves_a_pair_stands_apart_from_what_does_not(registry: Registry) -> None:
    other = dataclasses.replace(ONE, model="lstm", outcome="unsupported-operator", error=None)
    page = support.page(registry, [ONE, other])
    assert row(page, "onnx", "ncnn")[2:3] + row(page, "onnx", "ncnn")[4:] == [
        "verified",
        "1.2e-07",
        "net",
        "lstm `unsupported-operator`",
    ]
    assert "verified 1 of 2" in page


def test_a_route_through_the_hub_names_its_steps_and_environments(registry: Registry) -> None:
    page = support.page(registry, [])
    assert "`torchscript-to-onnx` > `onnx-to-mnn`" in row(page, "torchscript", "mnn")[3]
    assert "environment oneflow" in row(page, "onnx", "oneflow")[3]


def test_a_proof_of_a_plugin_that_is_not_here_is_left_out(registry: Registry) -> None:
    gone = dataclasses.replace(ONE, target="gone")
    assert "gone" not in support.page(registry, [gone])

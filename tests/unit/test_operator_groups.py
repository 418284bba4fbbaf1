"""How the operator table groups cases, and what it may conclude from a union."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.operators.group import Found, groups, level, proved, refused, settled, split


def line(name: str, operator: str = "Relu", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "node",
        "operator": operator,
        "operators": [operator],
        "opsets": [["", 13]],
        "lifts": 28,
        "plain": True,
        "types": ["FLOAT"],
        "outputs": ["y"],
        "truth": {"runs": True, "free": True},
        **more,
    }


A, B, C, D = (line(name, operator) for name, operator in zip("abcd", "PQRS", strict=True))


@pytest.mark.parametrize(
    ("found", "want"),
    [
        pytest.param(Found("different", "", failed=("c1_y",)), "acd b", id="failed-output"),
        pytest.param(
            Found("unsupported-operator", "", operators=("R",)), "abd c", id="named-operator"
        ),
        pytest.param(Found("unsupported-feature", "input c2_x has no axes"), "abd c", id="reason"),
        pytest.param(Found("worker-died", "it crashed"), "ab cd", id="halves"),
        pytest.param(
            Found("unsupported-operator", "", operators=("Z",)), "ab cd", id="a-name-of-no-case"
        ),
        pytest.param(
            Found("unsupported-operator", "", operators=("P", "Q", "R", "S")),
            "a b c d",
            id="all-named",
        ),
    ],
)
def test_a_failed_union_is_split_where_the_finding_points(found: Found, want: str) -> None:
    parts = split([A, B, C, D], found)
    assert " ".join("".join(member["name"] for member in part) for part in parts) == want


@pytest.mark.parametrize(
    ("found", "want"),
    [
        pytest.param(Found("verified", ""), True, id="verified"),
        pytest.param(Found("different", ""), False, id="different"),
        pytest.param(Found("unverified", "the source does not run here: x"), False, id="it-runs"),
        pytest.param(Found("worker-died", ""), False, id="crash"),
    ],
)
def test_only_a_verified_union_speaks_for_cases_that_run(found: Found, want: bool) -> None:
    assert settled([A, B], found) is want


def test_a_union_of_sources_that_do_not_run_proves_none() -> None:
    dead = [line(name, truth={"runs": False}) for name in "ab"]
    assert settled(dead, Found("unverified", "the source does not run here: no kernel"))


def test_a_case_that_does_not_move_in_a_verified_union_is_not_proved() -> None:
    found = Found("verified", "", still=("c0_y",))
    words = [proved(one, place, found, alone=False)[0] for place, one in enumerate((A, B))]
    assert words == ["unverified", "verified"]


@pytest.mark.parametrize(
    ("named", "word", "want"),
    [("P", "refused", True), ("Q", "refused", False), ("P", "agrees", False), ("P", "", False)],
)
def test_a_unions_refusal_needs_the_cases_own_operator_and_screening(
    named: str, word: str, want: bool
) -> None:
    found = Found("unsupported-operator", "", operators=(named,))
    assert refused(A, found, {"a": {"word": word}}) is want


def test_what_was_seen_to_fail_stays_out_of_the_unions() -> None:
    seen = {"a": {"word": "off"}, "b": {"word": "agrees"}, "c": {"word": "agrees"}}
    assert [[m["name"] for m in group] for group in groups([A, B, C], 24, seen)] == [
        ["b", "c"],
        ["a"],
    ]


@pytest.mark.parametrize(("lifts", "want"), [(28, 13), (13, 13)])
def test_the_operator_set_is_raised_no_further_than_needed(lifts: int, want: int) -> None:
    assert dict(level(line("a", lifts=lifts)))["ai.onnx"] == want


def test_the_operator_set_stays_where_an_operator_would_change() -> None:
    assert dict(level(line("a", opsets=[["", 14]], lifts=16)))["ai.onnx"] == 14

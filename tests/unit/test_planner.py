"""The planner on tables of edges."""

from __future__ import annotations

import pytest

from modelport import planner
from modelport.errors import NoRoute
from modelport.registry import Registry
from modelport_sdk import Converter


def edge(
    source: str, target: str, cost: float = 1.0, role: str = "edge", variant: str = ""
) -> Converter:
    return Converter(source, target, "base", lambda *_: None, variant=variant, cost=cost, role=role)


SIMPLIFY = edge("a", "a", 0.3, "repair", "simplify")
FP16 = edge("a", "a", 1.0, "pass", "fp16")


def ids(routes: tuple[planner.Route, ...]) -> list[str]:
    return [" ".join(converter.id for converter in route) for route in routes]


@pytest.mark.parametrize(
    ("edges", "want"),
    [
        pytest.param([edge("a", "z")], ["a-to-z"], id="direct"),
        pytest.param(
            [edge("a", "z", 5.0), edge("a", "m"), edge("m", "z")],
            ["a-to-m m-to-z", "a-to-z"],
            id="cheaper-detour-first",
        ),
        pytest.param(
            [edge("a", "m"), edge("m", "z"), edge("m", "a")], ["a-to-m m-to-z"], id="cycle"
        ),
        pytest.param(
            [edge("a", "z"), SIMPLIFY],
            ["a-to-z", "a-to-a.simplify a-to-z"],
            id="repair-is-a-second-candidate",
        ),
        pytest.param([edge("a", "z"), FP16], ["a-to-z"], id="pass-is-not-put-in-by-itself"),
        pytest.param(
            [edge("a", "z", variant="one"), edge("a", "z", 2.0, variant="two")],
            ["a-to-z.one", "a-to-z.two"],
            id="rival-tools",
        ),
    ],
)
def test_routes_come_cheapest_first(edges: list[Converter], want: list[str]) -> None:
    assert ids(planner.plan("a", "z", edges)) == want


def test_a_pass_is_reached_by_its_name() -> None:
    assert ids(planner.plan("a", "a.fp16", [FP16, SIMPLIFY])) == [
        "a-to-a.fp16",
        "a-to-a.simplify a-to-a.fp16",
    ]


def test_a_format_to_itself_means_its_repairs() -> None:
    assert ids(planner.plan("a", "a", [FP16, SIMPLIFY])) == ["a-to-a.simplify"]


def test_a_fp16_pass_of_another_format_can_end_a_route() -> None:
    routes = planner.plan("b", "a.fp16", [edge("b", "a"), FP16])
    assert ids(routes) == ["b-to-a a-to-a.fp16"]


def test_no_route_names_what_can_be_reached() -> None:
    with pytest.raises(NoRoute) as caught:
        planner.plan("a", "z", [edge("a", "m"), SIMPLIFY])
    assert caught.value.hint == "From a one can reach: m, a.simplify."


def test_limit_keeps_the_best() -> None:
    edges = [edge("a", "z", float(cost), variant=f"v{cost}") for cost in range(1, 20)]
    assert ids(planner.plan("a", "z", edges, limit=2)) == ["a-to-z.v1", "a-to-z.v2"]


WEIGHTS = [
    edge("state", "tensors", role="weights"),
    edge("tensors", "archive", role="weights"),
    edge("state", "graph"),
    edge("tensors", "state", role="weights"),
]


def test_weights_are_chained_with_weights_only() -> None:
    assert ids(planner.plan("state", "archive", WEIGHTS)) == ["state-to-tensors tensors-to-archive"]
    with pytest.raises(NoRoute):
        planner.plan("tensors", "graph", WEIGHTS)


def test_weights_alone_reach_no_graph() -> None:
    assert planner.targets("tensors", WEIGHTS) == ("archive", "state")


def test_what_is_too_far_away_is_no_target() -> None:
    chain = [edge("a", "b"), edge("b", "c"), edge("c", "d"), edge("d", "e")]
    assert planner.targets("a", chain) == ("b", "c", "d")


@pytest.mark.parametrize("source", sorted(Registry.load(frozenset()).formats))
def test_every_target_of_the_plugins_has_a_route(source: str) -> None:
    table = list(Registry.load(frozenset()).converters.values())
    assert all(planner.plan(source, target, table) for target in planner.targets(source, table))

"""Writes docs/support.md: every pair that the plugins can plan, and what is known of it.

``python -m benchmarks.support``. Runs no conversion: what is known stands in the files that the
benches left (benchmarks/proof.py); what can be planned is asked of the planner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks import proof
from benchmarks.proof import MEASURED, Proof
from modelport import planner
from modelport.errors import NoRoute
from modelport.model import Verdict
from modelport.registry import Registry

PAGE = Path(__file__).resolve().parent.parent / "docs" / "support.md"
PLANNED, REFUSED = "planned only", "refused"
CLASSES = {
    Verdict.VERIFIED.value: "ran in the target's runtime, within the model's own numerical noise",
    Verdict.ALIKE.value: "is quantised, and behaves alike",
    MEASURED: "a bench outside of the flow held its outputs against the source's own framework",
    Verdict.STRUCTURAL.value: "cannot be run here: compared tensor by tensor, or by its graph",
    Verdict.UNVERIFIED.value: "converted, and nothing could be proved",
    Verdict.DIFFERENT.value: "converted, and some output was off",
    REFUSED: "refused with a typed error, whatever model was tried",
    PLANNED: "a route is planned, and no model has been taken along it yet",
}
PROVING = (Verdict.VERIFIED, Verdict.ALIKE, MEASURED, Verdict.STRUCTURAL)
Pair = tuple[str, str]


def page(registry: Registry, proofs: Sequence[Proof]) -> str:
    """Return the page's text."""
    known: dict[Pair, list[Proof]] = {}
    for one in proofs:
        known.setdefault((one.source, one.target), []).append(one)
    sources = {id: planner.targets(id, registry.converters.values()) for id in registry.formats}
    planned = [(source, target) for source, found in sources.items() for target in found]
    # What is read and written again in its own format has no target of its own.
    planned += [pair for pair in known if pair not in planned and _leads(*pair, registry)]
    edges = sorted(pair for pair in planned if not planner.split(pair[1])[1])
    passes = sorted(pair for pair in planned if planner.split(pair[1])[1])
    counts = Counter(verdict(known.get(pair, ())) for pair in planned)
    lines = [
        "# Support",
        "",
        "Written by `make support` from the plugins of this repository and from what the benches",
        "have left in `benchmarks/proofs`: every pair that can be planned, through ONNX included,",
        f"and the models that prove it. {len(planned)} pairs: "
        + ", ".join(f"{counts[name]} {name}" for name in CLASSES if counts[name])
        + ".",
        "",
        "A pair has the best class that any model reached; each model's own is beside it.",
        "",
        *_table(("class", "of its best model"), [(f"`{k}`", v) for k, v in CLASSES.items()]),
        "",
        "## From and to",
        "",
        *_matrix(edges, known),
        "",
        "## Pair by pair",
        "",
        "*Largest error*: of the models that prove it, relative to the output's scale.",
        "",
        *_pairs(edges, known, registry),
        "",
        "## Passes within ONNX",
        "",
        *_pairs(passes, known, registry),
    ]
    return "\n".join(lines) + "\n"


def _leads(source: str, target: str, registry: Registry) -> bool:
    try:
        return bool(planner.plan(source, target, registry.converters.values()))
    except NoRoute:  # a proof of a plugin that is not here
        return False


def standing(one: Proof) -> str:
    """Return the class of one proof: a verdict as it is, any error as refused."""
    return one.outcome if one.outcome in CLASSES else REFUSED


def verdict(proofs: Iterable[Proof]) -> str:
    """Return the class of a pair: the best of its models."""
    found = {standing(one) for one in proofs}
    return next((name for name in CLASSES if name in found), PLANNED)


def _matrix(edges: Sequence[Pair], known: Mapping[Pair, Sequence[Proof]]) -> list[str]:
    targets = sorted({target for _, target in edges})
    rows = []
    for source in sorted({source for source, _ in edges}):
        pairs = [(source, target) for target in targets]
        cells = [_cell(known.get(pair, ())) if pair in edges else "" for pair in pairs]
        rows.append((f"**{source}**", *cells))
    return _table(("from \\ to", *targets), rows)


def _cell(proofs: Sequence[Proof]) -> str:
    best = verdict(proofs)
    if best == PLANNED:
        return "planned"
    models = [one for one in proofs if one.cases == 1]
    sets = [one for one in proofs if one.cases > 1]
    told = [_share(some, best) + word for some, word in ((models, ""), (sets, " cases")) if some]
    return ", ".join(told)


def _share(proofs: Sequence[Proof], best: str) -> str:
    counts: Counter[str] = Counter()
    for one in proofs:
        counts[standing(one)] += one.cases
    shown = [name for name in PROVING if counts[name]] or [best]
    return f"{', '.join(f'{name} {counts[name]}' for name in shown)} of {counts.total()}"


def _pairs(
    pairs: Sequence[Pair], known: Mapping[Pair, Sequence[Proof]], registry: Registry
) -> list[str]:
    rows = []
    for source, target in pairs:
        proofs = known.get((source, target), ())
        best = verdict(proofs)
        proving = [one for one in proofs if standing(one) in PROVING]
        errors = [one.error for one in proving if one.error is not None]
        rows.append(
            (
                source,
                target,
                best,
                _way(source, target, registry),
                f"{max(errors):.1e}" if errors else "",
                ", ".join(dict.fromkeys(_shown(one) for one in proving)),
                ", ".join(f"{_shown(one)} `{one.outcome}`" for one in proofs if one not in proving),
            )
        )
    head = ("from", "to", "class", "first route", "largest error", "proved by", "and else")
    return _table(head, rows)


def _way(source: str, target: str, registry: Registry) -> str:
    """Return the converters of the best route, and the environments beside base that it needs."""
    route = planner.plan(source, target, registry.converters.values())[0]
    environments = sorted({converter.env for converter in route} - {"base"})
    told = " > ".join(f"`{converter.id}`" for converter in route)
    return f"{told} (environment {', '.join(environments)})" if environments else told


def _shown(one: Proof) -> str:
    return f"{one.model} ({one.cases})" if one.cases > 1 else one.model


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows)]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(Registry.load(frozenset()), proof.everything()), "utf-8")


if __name__ == "__main__":
    main()

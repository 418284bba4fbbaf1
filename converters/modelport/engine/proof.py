"""Judges one candidate: runs it in its own runtime on the study's inputs, and weighs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from modelport import errors, verify, weigh
from modelport.engine.bench import Bench
from modelport.engine.outputs import Ran
from modelport.engine.shelf import Study
from modelport.model import Artifact, Attempt, Case, Json, Mapped, Tensors, Verdict, Verification

WEIGHT_LIMIT = 1 << 30
"""Bytes of weights that are read for the weight check; beyond, it is left out and said."""

FAILURES = 8
"""Cases that the result did not run on, listed in the report with their reasons."""

EXTRA_VARIANTS = ("unoptimised", "default")
"""Ways a user may run the result, reported beside the verdict."""


def prove(bench: Bench, tried: Attempt, known: Study) -> Verification:
    """Return the verdict on ``tried``; fails closed, whatever happens in the runtime.

    Raises:
        Cancelled: The user asked for the end.
    """
    result = tried.result
    assert result is not None  # noqa: S101  # only converted attempts are proved
    runtime = bench.house.registry.runtimes.get(result.format)
    if runtime is None:
        return unverified(f"no runtime runs {result.format} models here", final=True)
    cases = _fitting(known, tried.mapped)
    if known.problem:
        # Whether the result loads is worth knowing even where it cannot be compared.
        return unverified(known.problem, final=True)
    if not any(case.typical for case in cases):
        return unverified("none of the inputs fits what the result accepts")
    fed = _fed(cases, tried.mapped)
    extra = [v for v in EXTRA_VARIANTS if v in runtime.variants]
    runs: dict[str, Sequence[Case]] = {"plain": fed}
    runs.update({variant: [case for case in fed if case.typical] for variant in extra})
    shapes = _shapes(known, tried.mapped)
    try:
        ran = bench.run(runtime, result, runs, shapes=shapes, io=tried.mapped, stage="verify")
    except errors.Cancelled:
        raise
    except errors.ModelportError as exc:
        return unverified(f"the result does not run: {exc}")
    if ran["plain"].error:
        return unverified(f"the result does not load in {runtime.title}: {ran['plain'].error}")
    return _judged(tried, known, cases, ran)


def outputs(
    bench: Bench, result: Artifact, mapped: Mapped, known: Study
) -> Mapping[str, Tensors] | str:
    """Return what ``result`` computes on the study's cases, under the source's names.

    A sentence where that cannot be had.

    Raises:
        Cancelled: The user asked for the end.
    """
    runtime = bench.house.registry.runtimes.get(result.format)
    if runtime is None:
        return f"no runtime runs {result.format} models here"
    if known.problem:
        return known.problem
    runs = {"plain": _fed(_fitting(known, mapped), mapped)}
    try:
        ran = bench.run(
            runtime, result, runs, shapes=_shapes(known, mapped), io=mapped, stage="compare"
        )["plain"]
    except errors.Cancelled:
        raise
    except errors.ModelportError as exc:
        return f"the result does not run: {exc}"
    return ran.error or Translated(ran.outputs, mapped)


def _fitting(known: Study, mapped: Mapped) -> list[Case]:
    return [case for case in known.cases if not verify.misfit(case.feeds, mapped.inputs)]


def _fed(cases: Sequence[Case], mapped: Mapped) -> list[Case]:
    return [replace(case, feeds=verify.to_target(case.feeds, mapped.inputs)) for case in cases]


def _shapes(known: Study, mapped: Mapped) -> dict[str, tuple[int, ...]]:
    ports = (port for port in mapped.inputs if port.target and port.source in known.shapes)
    return {port.target: known.shapes[port.source] for port in ports if port.target}


def unverified(reason: str, *, final: bool = False) -> Verification:
    """Return the verdict ``unverified``; ``final`` where no other candidate can do better."""
    return Verification(Verdict.UNVERIFIED, reason, details={"final": final})


def _judged(
    tried: Attempt, known: Study, cases: Sequence[Case], ran: Mapping[str, Ran]
) -> Verification:
    floor = known.floor
    assert floor is not None  # noqa: S101  # there is a reference, so there is a floor
    precision = "int8" if known.quantised else tried.precision
    guards = known.guards["float16" if precision == "float16" else "float32"]

    def judged(one: Ran) -> Verification:
        outputs = Translated(one.outputs, tried.mapped)
        return verify.judge(
            known.reference,
            outputs,
            [case for case in cases if case.typical or one.variant == "plain"],
            floor,
            precision=precision,
            guards=guards,
            rounded=known.rounded,
        )

    verdict = judged(ran["plain"])
    others = {
        variant: _brief(judged(one))
        for variant, one in ran.items()
        if variant != "plain" and not one.error
    }
    failures = [f"on {case}: {text}" for case, text in ran["plain"].failures.items()][:FAILURES]
    details = {**verdict.details, "runtimes": others, "failures": failures}
    cautions = (*verdict.cautions, *_as_shipped(others), *known.remarks)
    return replace(verdict, cautions=cautions, details=details)


def _as_shipped(others: Mapping[str, Json]) -> tuple[str, ...]:
    """Return a caution where the runtime's own defaults give other numbers than the file does."""
    told = others.get("default", {})
    if not told or told["verdict"] != Verdict.DIFFERENT or told["max_rel"] is None:
        return ()
    share = f"{told['max_rel']:.1e}"
    return (f"with the runtime's default settings it is off by {share} of the output's scale",)


def _brief(verification: Verification) -> Json:
    worst = max(verification.comparisons, key=lambda c: c.excess, default=None)
    return {
        "verdict": verification.verdict.value,
        "max_abs": worst.max_abs if worst else None,
        "max_rel": worst.max_rel if worst else None,
        "excess": worst.excess if worst else None,
    }


class Translated(Mapping[str, Tensors]):
    """Outputs under the source's names and in its layouts, still read case by case."""

    def __init__(self, outputs: Mapping[str, Tensors], mapped: Mapped) -> None:
        self._outputs = outputs
        self._mapped = mapped

    def __getitem__(self, case: str) -> Tensors:
        """Read the outputs of ``case``."""
        return verify.to_source(self._outputs[case], self._mapped.outputs)

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of the cases."""
        return iter(self._outputs)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self._outputs)


def weighed(
    bench: Bench, source: Artifact, tried: Attempt, verification: Verification
) -> Verification:
    """Return ``verification`` with the weight check beside it; never raises but on cancel."""
    result = tried.result
    assert result is not None  # noqa: S101
    readers = bench.house.registry.weights
    if source.format not in readers:
        return verification
    try:
        before = bench.weights(readers[source.format], source, WEIGHT_LIMIT)
        if isinstance(before, str):
            found = {"skipped": before}
        elif result.format in readers:
            after = bench.weights(readers[result.format], result, WEIGHT_LIMIT)
            if isinstance(after, str):
                found = {"skipped": after}
            else:
                found = weigh.match(before.items(), after.items()).to_json()
        else:
            found = weigh.search(
                before.items(), [result.root / name for name in result.files]
            ).to_json()
    except errors.Cancelled:
        raise
    except errors.ModelportError as exc:
        found = {"skipped": str(exc)}
    return replace(verification, details={**verification.details, "weights": found})

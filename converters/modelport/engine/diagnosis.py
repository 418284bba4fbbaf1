"""Finds the step, and the layer, at which a result that is ``different`` goes wrong.

Which step: the models between source and result are judged like the result itself. Which
layer: where the step at fault starts from a format that has an instrument (ONNX), the
same step converts the model again with inner tensors visible, a few dozen a round, and
each is held against its own noise. Rounds follow what is off towards the inputs, until
a node is off and all that it reads agrees.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelport import diagnose, errors, verify
from modelport.diagnose import Diagnosis, Layer
from modelport.engine.bench import Bench
from modelport.engine.candidates import Ask, renamed
from modelport.engine.mapping import compose
from modelport.engine.outputs import Ran
from modelport.engine.proof import Translated, prove
from modelport.engine.shelf import FLOOR_VARIANTS, ROUNDED, Study, reference_of, twins
from modelport.model import Attempt, Case, Comparison, Mapped, Port, Stage, Step, Verdict
from modelport_sdk import Converter, Runtime

ROUNDS = 6
"""Of 24 tensors each; graphs of 700 nodes took two or three."""

CASES = 3
"""Inputs a round runs on: the worst one first. More find no other layer."""

SWAPS = 6
"""Outputs that are tried in each other's place, in pairs."""

SECONDS = 300.0
"""After which no further round is begun: what is known by then is told."""


def diagnosed(bench: Bench, tried: Attempt, known: Study, ask: Ask) -> Diagnosis | None:
    """Return where ``tried`` goes wrong; None where its numbers are not what is wrong.

    Raises:
        Cancelled: The user asked for the end.
    """
    verification = tried.verification
    if verification is None or verification.verdict is not Verdict.DIFFERENT:
        return None
    off = [c for c in verification.comparisons if not c.passed]
    if not off or not all(math.isfinite(c.max_abs) for c in off):
        return None  # an output is missing, or of another shape: no matter of numbers
    bench.observe("diagnose", 0.0, "")
    index = _guilty(bench, tried, known)
    step = tried.route[index]
    instrument = _instrument(bench, tried.trail[index].artifact.format)
    if instrument is None:
        remark = f"inside a {tried.trail[index].artifact.format} model no layer can be looked at"
        return Diagnosis("step", step, remark=remark)
    worst = [c.case for c in off]
    cases = _cases(known, worst, tried.trail[index])
    try:
        return _narrowed(_look(bench, tried, index, instrument, cases, ask))
    except errors.Cancelled:
        raise
    except errors.ModelportError as exc:
        return Diagnosis("step", step, remark=f"its layers could not be looked at: {exc}")


def _guilty(bench: Bench, tried: Attempt, known: Study) -> int:
    """Return the index of the first step whose result is different; at the latest the last."""
    for index, stage in enumerate(tried.trail[1:], start=1):
        between = replace(
            tried, result=stage.artifact, mapped=stage.mapped, precision=stage.precision
        )
        if prove(bench, between, known).verdict is Verdict.DIFFERENT:
            return index - 1
    return len(tried.route) - 1


def _instrument(bench: Bench, format: str) -> Converter | None:
    listed = bench.house.registry.converters.values()
    return next((c for c in listed if c.role == "instrument" and c.source == format), None)


def _cases(known: Study, worst: Sequence[str], stage: Stage) -> list[Case]:
    """Return a few typical cases as the stage takes them, those that failed first."""
    typical = [
        c for c in known.cases if c.typical and not verify.misfit(c.feeds, stage.mapped.inputs)
    ]
    chosen = sorted(typical, key=lambda case: case.id not in worst)[:CASES]
    return [replace(c, feeds=verify.to_target(c.feeds, stage.mapped.inputs)) for c in chosen]


@dataclass(frozen=True)
class _Look:
    """What the rounds of looking into one step have in common.

    Attributes:
        stage: What the step was given.
        step: The step as it ran.
        instrument: Makes inner tensors visible.
        converter: The step's converter.
        source, target: Runtimes of the step's two formats.
        cases: Inputs, as the stage takes them.
    """

    bench: Bench
    ask: Ask
    stage: Stage
    step: Step
    instrument: Converter
    converter: Converter
    source: Runtime
    target: Runtime
    cases: tuple[Case, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Concrete shapes by the stage's input names."""
        return renamed(self.ask.shapes, self.stage.mapped)


def _look(  # noqa: PLR0917  # private, called once
    bench: Bench, tried: Attempt, index: int, instrument: Converter, cases: Sequence[Case], ask: Ask
) -> _Look:
    registry = bench.house.registry
    converter = registry.converters[tried.route[index]]
    return _Look(
        bench=bench,
        ask=ask,
        stage=tried.trail[index],
        step=tried.steps[index],
        instrument=instrument,
        converter=converter,
        source=registry.runtimes[converter.source],
        target=registry.runtimes[converter.target],
        cases=tuple(cases),
    )


def _narrowed(look: _Look) -> Diagnosis:
    """Return the diagnosis after as many rounds as it takes."""
    step = look.step.converter
    seen: tuple[Layer, ...] = ()
    off: Layer | None = None
    options: dict[str, Any] = {}
    end = time.monotonic() + SECONDS
    for number in range(ROUNDS):
        look.bench.observe("diagnose", number / ROUNDS, step)
        now, swapped = _round(look, options)
        seen = diagnose.merge(seen, now)
        off = diagnose.suspect(seen)
        if off is None:
            return Diagnosis("vanished", step, layers=seen)
        last = diagnose.before(seen, off)
        if off.tensor in swapped:
            return Diagnosis("swapped", step, last, off, layers=seen, outputs=swapped)
        if diagnose.cornered(seen, off):
            return Diagnosis("layer", step, last, off, 1, seen)
        asked = {"off": off.tensor, "good": list(diagnose.trusted(seen, off))}
        if asked == options or time.monotonic() > end:
            break
        options = asked
    assert off is not None  # noqa: S101  # there is a first round
    last = diagnose.before(seen, off)
    return Diagnosis("stretch", step, last, off, off.node - (last.node if last else -1), seen)


def _round(look: _Look, options: Mapping[str, Any]) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Convert with inner tensors visible; return how they compare, and swapped outputs."""
    bench, shapes = look.bench, look.shapes
    tapped, _, ports, _ = bench.convert(
        look.instrument,
        look.stage.artifact,
        name=look.ask.name,
        options=options,
        shapes=shapes,
        calibration=None,
    )
    result, _, declared, precision = bench.convert(
        look.converter,
        tapped,
        name=look.ask.name,
        options=dict(look.step.options),
        shapes=shapes,
        calibration=look.ask.calibration,
    )
    inputs = [Port(p.target, p.target) for p in look.stage.mapped.inputs if p.target is not None]
    mapped = compose(Mapped(tuple(inputs), ports.outputs), declared)
    runs: dict[str, Sequence[Case]] = {"plain": [*look.cases, *twins(look.cases)]}
    runs |= {v: look.cases for v in (*FLOOR_VARIANTS, ROUNDED) if v in look.source.variants}
    source = bench.run(look.source, tapped, runs, shapes=shapes, stage="diagnose")
    fits = [case for case in look.cases if not verify.misfit(case.feeds, mapped.inputs)]
    fed = [replace(case, feeds=verify.to_target(case.feeds, mapped.inputs)) for case in fits]
    there = renamed(shapes, mapped)
    target = bench.run(
        look.target, result, {"plain": fed}, shapes=there, io=mapped, stage="diagnose"
    )
    _usable(source["plain"], target["plain"])

    def compared(mapped: Mapped) -> list[Comparison]:
        return _compared(source, Translated(target["plain"].outputs, mapped), fits, precision)

    found = compared(mapped)
    ends = {port.target for port in look.stage.mapped.outputs}
    off = [c.output for c in found if c.output in ends and not c.passed]
    return diagnose.layers(ports.outputs, found), _swapped(mapped, off, compared)


def _swapped(
    mapped: Mapped, off: Sequence[str], compared: Callable[[Mapped], list[Comparison]]
) -> tuple[str, ...]:
    """Return two outputs that agree once they change places; empty if there are none."""
    for one, other in itertools.combinations(off[:SWAPS], 2):
        names = {one: other, other: one}
        ports = [replace(p, source=names.get(p.source, p.source)) for p in mapped.outputs]
        again = compared(Mapped(mapped.inputs, tuple(ports)))
        if all(c.passed for c in again if c.output in names):
            return (one, other)
    return ()


def _compared(
    source: Mapping[str, Ran], got: Translated, cases: Sequence[Case], precision: str
) -> list[Comparison]:
    reference, floor = reference_of(source, cases)
    rounded = source[ROUNDED].outputs if ROUNDED in source else None
    judged = verify.judge(
        reference, got, cases, floor, precision=precision, guards=None, rounded=rounded
    )
    # A tensor that the target merged into another layer is no fault of its own.
    there = {name for case in got for name in got[case]}
    return [comparison for comparison in judged.comparisons if comparison.output in there]


def _usable(source: Ran, target: Ran) -> None:
    """Raise where one of the two did not run.

    Raises:
        UnsupportedFeature: With what its runtime said.
    """
    for ran in (source, target):
        said = ran.error or next(iter(ran.failures.values()), "")
        if said and not ran.outputs:
            raise errors.UnsupportedFeature(
                f"with its inner tensors visible it does not run: {said}"
            )

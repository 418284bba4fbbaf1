"""What is known of a source before any candidate is judged: inputs, reference, noise, guards.

It depends on the source, the inputs and the seed only, so it is cached by their digest
and serves every target.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelport import errors, inputs, verify
from modelport.engine.bench import Bench
from modelport.engine.outputs import Ran
from modelport.engine.request import Subject
from modelport.engine.shelf import (
    FAULTS,
    FLOOR_VARIANTS,
    NUDGES,
    ROUNDED,
    Study,
    load,
    store,
    twins,
)
from modelport.intake import arrays
from modelport.model import Artifact, Case, Description, Tensors
from modelport_sdk import Runtime

VERSION = 4
"""Raised whenever inputs, variants or floors are made differently."""

BUDGET = 40.0
"""Seconds that the noise floor and the guards of one source may take, loading apart."""


@dataclass(frozen=True)
class _Source:
    """The source under study, with the inputs the user gave."""

    artifact: Artifact
    description: Description
    runtime: Runtime
    given: Tensors
    fixed: Mapping[str, tuple[int, ...]]
    seed: int


def study(bench: Bench, subject: Subject) -> Study:
    """Return the study of the source, from the cache if it was made before.

    Raises:
        BadInputs: The user's inputs or shapes do not fit the model.
        InputError: The source does not load in its own runtime, with the reason.
    """
    artifact, description, request = subject.source, subject.description, subject.request
    given = _given(request.inputs)
    rungs = inputs.ladder(description, given=given, fixed=request.shapes)
    runtime = bench.house.registry.runtimes.get(artifact.format)
    if runtime is None:
        return Study(rungs[0], problem=f"no runtime runs {artifact.format} models here")
    drawable = inputs.drawable(description, rungs)
    if not drawable:
        return Study(rungs[0], problem=inputs.TOO_LARGE)
    state = bench.house.envs.status(runtime.env)
    if not state.ready:
        lacking = f"environment {state.name}: {state.reason} (run {state.command})"
        return Study(rungs[0], problem=f"the source cannot be run: {lacking}")
    source = _Source(artifact, description, runtime, given, request.shapes, request.seed)
    place = bench.house.home / "cache" / "studies" / _key(bench, source)
    if not (place / "study.json").is_file():
        try:
            failed = _make(bench, source, drawable, place)
        except errors.WorkerDied as exc:  # its runtime crashed on it: a fact about the source
            return Study(rungs[0], problem=f"the source does not run here: {exc}")
        if failed is not None:
            return failed
    return replace(load(place), quantised=verify.quantised(description))


def _make(
    bench: Bench, source: _Source, rungs: Sequence[Mapping[str, tuple[int, ...]]], place: Path
) -> Study | None:
    """Make the study and store it in ``place``; return one without a reference if that fails."""
    probed = _probe(bench, source, rungs)
    if isinstance(probed, Study):
        return probed
    shapes, others, seconds = probed
    held = {**{name: array.shape for name, array in source.given.items()}, **source.fixed}
    near = inputs.neighbours(source.description, shapes, fixed=held)
    points = [*others, *inputs.drawable(source.description, near)]
    cases = inputs.battery(
        source.description, shapes, seed=source.seed, given=source.given, points=points
    )
    made = _measure(bench, source, cases, shapes, seconds)
    if isinstance(made, Study):
        return made
    store(place, shapes, cases, made)
    return None


def _given(path: Path | None) -> dict[str, Any]:
    return arrays.load(path, inputs.BYTES) if path is not None else {}


def _key(bench: Bench, source: _Source) -> str:
    digest = hashlib.sha256()
    environment = bench.house.envs.digest(source.runtime.env)
    shapes = {name: list(shape) for name, shape in source.fixed.items()}
    threads = bench.house.limits.threads
    head = [VERSION, source.artifact.sha256, environment, source.seed, shapes, threads]
    digest.update(json.dumps(head, sort_keys=True).encode())
    for name, array in source.given.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _probe(
    bench: Bench, source: _Source, rungs: Sequence[Mapping[str, tuple[int, ...]]]
) -> tuple[Mapping[str, tuple[int, ...]], list[Mapping[str, tuple[int, ...]]], float] | Study:
    """Return the shapes that the source runs with, others it needs, and seconds a run.

    Others: a model that takes 8 and 16 kHz may want another length for each, so a later
    rung counts too where it accepts a combination of enumerated inputs that no earlier did.
    """
    served: dict[str, int] = {}
    failures: list[str] = []
    seconds = 0.0
    # The first rung serves most models, and costs one run where all cost sixteen.
    for start, group in ((0, rungs[:1]), (1, rungs[1:])):
        tries = {
            f"{start + index}-{case.id}": (start + index, case)
            for index, rung in enumerate(group)
            for case in inputs.probes(
                source.description, rung, seed=source.seed, given=source.given
            )
        }
        if not tries:
            break
        runs = {"plain": [replace(case, id=name) for name, (_, case) in tries.items()]}
        ran = _run(bench, source, runs, rungs[0])["plain"]
        if ran.error:
            return _unloadable(ran, rungs[0])
        for name, (index, case) in tries.items():
            if name in ran.outputs:
                served.setdefault(case.id, index)
        failures += ran.failures.values()
        seconds = max(seconds, ran.seconds)
        if not ran.failures:
            break
    good = sorted(set(served.values()))
    if not good:
        problem = (
            "no inputs could be made that the source accepts; give --shape or --inputs "
            f"(it said: {failures[0]})"
        )
        return Study(rungs[0], problem=problem)
    return rungs[good[0]], [rungs[index] for index in good[1:]], seconds


def _unloadable(ran: Ran, shapes: Mapping[str, tuple[int, ...]]) -> Study:
    """Return a study without a reference; raise where the source itself is at fault."""
    cls = errors.BY_CODE.get(str(ran.refusal.get("code")))
    if cls is not None and issubclass(cls, errors.InputError):
        message, hint = str(ran.refusal.get("message", "")), str(ran.refusal.get("hint", ""))
        raise cls(message, hint=hint, step="reference")
    return Study(shapes, problem=f"the source does not run here: {ran.error}")


def _measure(
    bench: Bench,
    source: _Source,
    cases: Sequence[Case],
    shapes: Mapping[str, tuple[int, ...]],
    seconds: float,
) -> dict[str, Ran] | Study:
    """Run the battery, its nudged twins, and every variant that the runtime has."""
    typical = [case for case in cases if case.typical]
    variants = [v for v in (*FLOOR_VARIANTS, ROUNDED) if v in source.runtime.variants]
    if "fault" in source.runtime.variants:
        variants += [f"fault:{index}" for index in range(FAULTS)]
    affordable = BUDGET / max(seconds, 1e-3) / (len(variants) + len(NUDGES) + 1)
    some = typical[: max(2, int(affordable))]
    runs: dict[str, Sequence[Case]] = {"plain": [*cases, *twins(some)]}
    runs.update(dict.fromkeys(variants, some))
    ran = _run(bench, source, runs, shapes)
    plain = ran["plain"]
    if plain.error or not any(case.id in plain.outputs for case in typical):
        first = plain.error or next(iter(plain.failures.values()))
        return Study(shapes, problem=f"the source does not run here: {first}")
    return ran


def _run(
    bench: Bench,
    source: _Source,
    runs: Mapping[str, Sequence[Case]],
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, Ran]:
    return bench.run(source.runtime, source.artifact, runs, shapes=shapes, stage="reference")

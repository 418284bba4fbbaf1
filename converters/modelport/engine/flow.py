"""One conversion from room to room; the only place that knows their order."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelport import errors, intake, planner, sandbox
from modelport.engine import environments, versions
from modelport.engine.answers import stem
from modelport.engine.bench import Bench, Observe
from modelport.engine.candidates import Ask, attempt, check_options
from modelport.engine.diagnosis import diagnosed
from modelport.engine.house import House
from modelport.engine.mapping import identity
from modelport.engine.proof import prove, weighed
from modelport.engine.publication import Conversion, publish
from modelport.engine.request import Request, Subject
from modelport.engine.shelf import Study
from modelport.engine.study import study
from modelport.engine.weights_alone import move, weights_alone
from modelport.intake import arrays
from modelport.model import Artifact, Attempt, Description, Verdict
from modelport.planner import Route

MOST = 64 << 30
"""Bytes that uploaded arrays may unpack to; a conversion sets its own limits."""

RANK = (Verdict.VERIFIED, Verdict.ALIKE, Verdict.STRUCTURAL, Verdict.UNVERIFIED, Verdict.DIFFERENT)
"""Which of several converted candidates is handed out when none is verified."""


def quiet(stage: str, fraction: float, detail: str) -> None:
    """Observe nothing."""
    del stage, fraction, detail


def receive(files: Sequence[Path], work: Path, house: House, *, source: str = "") -> Artifact:
    """Gather the user's files in a folder of ``work`` and say which format they are of.

    Raises:
        InputError: They are no model, more than one, or unsafe to unpack.
    """
    formats = house.registry.formats.values()
    folder = intake.gather(files, work / "source", house.limits, formats)
    return intake.identify(folder, formats, source=source)


def completed(files: Sequence[Path], house: House) -> tuple[Path, ...]:
    """Return ``files``, and what belongs to a lone one beside it; for the user's own disk only."""
    return intake.companions(files, house.registry.formats.values())


def check_inputs(path: Path) -> None:
    """Return if ``path`` is an ``.npz`` of arrays, by their headers; calibration may be large.

    Raises:
        BadInputs: It is none, or the arrays are larger than any worker could hold.
    """
    arrays.shapes(path, MOST)


def inspect_files(
    files: Sequence[Path], work: Path, house: House, *, source: str = "", consent: bool = False
) -> tuple[Artifact, Description]:
    """Receive the files and say what is in the model."""
    work.mkdir(parents=True, exist_ok=True)
    artifact = receive(files, work, house, source=source)
    return artifact, look(Bench(house, work, quiet, consent=consent), artifact)


def look(bench: Bench, source: Artifact) -> Description:
    """Return what is in an upload.

    Raises:
        CorruptModel: Its parser crashed on it. A crash is a fault of the parser too, but one
            that only this file has shown, and the file is what can be changed.
        UnsafeModel: It would run code, and not all of who and what must allow that do.
    """
    missing = sandbox.layers().degraded if bench.consent and not bench.house.insecure else ()
    bench.consent = bench.consent and not missing
    try:
        return bench.inspect(source)
    except errors.UnsafeModel as exc:
        if missing:
            exc.hint = f"Code in files runs only behind every layer of the sandbox: {missing[0]}."
        raise
    except errors.WorkerDied as exc:
        if not exc.signal:
            raise
        title = bench.house.registry.formats[source.format].title
        raise errors.CorruptModel(
            f"the {title} parser crashed on this file ({exc.signal})",
            hint="Export the model again, or send it in another format.",
            step=exc.step,
        ) from exc


def routes_of(
    source: str, target: str, house: House, using: Sequence[str] = ()
) -> tuple[Route, ...]:
    """Return the routes that can run now, best first; ``house`` runs the versions ``using``.

    Raises:
        NoRoute: There is none at all.
        Unavailable: Each one needs an environment that is not ready.
    """
    routes = versions.planned(source, target, house, using)
    states = {c.env: house.envs.status(c.env) for route in routes for c in route}
    usable = tuple(route for route in routes if all(states[c.env].ready for c in route))
    if not usable:
        missing = next(state for state in states.values() if not state.ready)
        raise errors.Unavailable(
            f"environment {missing.name} is not ready: {missing.reason}",
            hint=f"Run: {missing.command}" if missing.command else "",
        )
    return usable


def convert(
    request: Request,
    work: Path,
    house: House,
    observe: Observe = quiet,
    cancel: threading.Event | None = None,
) -> Conversion:
    """Convert, verify and report, inside the folder ``work``, which the caller deletes.

    Raises:
        ModelportError: Nothing was converted; ``report`` tells what was tried.
    """
    begin = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    house = versions.using(house, request.using)
    bench = Bench(house, work, observe, cancel, request.consent)
    observe("receive", 0.0, "")
    source = receive(request.files, work, house, source=request.source)
    if request.build:
        environments.build(bench, source.format, request.target, request.using)
    observe("inspect", 0.0, source.main)
    try:
        subject = Subject(source, look(bench, source), request)
    except errors.WeightsOnly:
        if not weights_alone(source.format, request.target, house):
            raise
        subject = Subject(source, Description(source.format, (), ()), request)
    routes = routes_of(source.format, request.target, house, request.using)
    check_options(routes, request.options)
    if all(one.role == planner.WEIGHTS for one in routes[0]):
        tried = move(bench, source, routes[0], Ask(stem(source), request.options, {}))
        chosen = 0 if tried.verification is not None else None
        return publish(bench, subject, [tried], chosen, seconds=time.monotonic() - begin)
    return _converted(bench, subject, routes, begin)


def _converted(
    bench: Bench, subject: Subject, routes: tuple[Route, ...], begin: float
) -> Conversion:
    """Try the candidates, judge what they gave, and publish the best; ``begin``: monotonic."""
    source, request = subject.source, subject.request
    bench.observe("reference", 0.0, "")
    known = study(bench, subject)
    ask = Ask(stem(source), request.options, known.shapes, request.calibration)
    attempts = _try(bench, subject, routes, ask, known)
    chosen = best(attempts)
    diagnosis = None
    if chosen is not None:
        attempts[chosen] = _weigh(bench, source, attempts[chosen])
        diagnosis = diagnosed(bench, attempts[chosen], known, ask)
    seconds = time.monotonic() - begin
    return publish(bench, subject, attempts, chosen, seconds=seconds, diagnosis=diagnosis)


def _try(
    bench: Bench, subject: Subject, routes: tuple[Route, ...], ask: Ask, known: Study
) -> list[Attempt]:
    """Try the routes in order until one result stands; a later one may still be better."""
    deadline = time.monotonic() + bench.house.budget
    attempts: list[Attempt] = []
    for index, route in enumerate(routes):
        if attempts and time.monotonic() > deadline:
            break
        names = " > ".join(converter.id for converter in route)
        bench.observe("convert", index / len(routes), names)
        tried = attempt(bench, subject.source, identity(subject.description), route, ask)
        if tried.result is not None:
            bench.observe("verify", index / len(routes), names)
            tried = replace(tried, verification=prove(bench, tried, known))
        attempts.append(tried)
        if stands(tried):
            break
    return attempts


def stands(tried: Attempt) -> bool:
    """Return whether no further candidate needs to be tried."""
    verification = tried.verification
    if verification is None:
        return False
    if verification.verdict in {Verdict.VERIFIED, Verdict.ALIKE, Verdict.STRUCTURAL}:
        return True
    if verification.verdict is Verdict.DIFFERENT:
        return False
    # Unverified for a reason that lies in the source: another candidate gets the same.
    agreed = verification.comparisons and all(c.passed for c in verification.comparisons)
    missing = bool(verification.details.get("failures"))
    return bool(verification.details.get("final")) or bool(agreed and not missing)


def best(attempts: Sequence[Attempt]) -> int | None:
    """Return the index of the attempt to hand out; None where none converted."""
    done = [i for i, tried in enumerate(attempts) if tried.verification is not None]
    if not done:
        return None

    def rank(index: int) -> tuple[int, float, int]:
        verification = attempts[index].verification
        assert verification is not None  # noqa: S101  # narrowed above
        worst = max((c.excess for c in verification.comparisons), default=0.0)
        return RANK.index(verification.verdict), worst, index

    return min(done, key=rank)


def _weigh(bench: Bench, source: Artifact, chosen: Attempt) -> Attempt:
    assert chosen.verification is not None  # noqa: S101  # checked by the caller
    bench.observe("weigh", 0.0, "")
    return replace(chosen, verification=weighed(bench, source, chosen, chosen.verification))


def targets(format: str, house: House) -> list[dict[str, Any]]:
    """Return what a model of ``format`` can become, as the REST resource lists it."""
    from modelport.engine.offers import offers  # noqa: PLC0415  # only the service asks

    return offers(format, house)

"""One conversion by several versions of a tool: each held against the source, and to the first."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelport import errors, report, verify
from modelport.engine import flow, versions
from modelport.engine.bench import Bench, Observe
from modelport.engine.house import House
from modelport.engine.proof import outputs
from modelport.engine.publication import Conversion
from modelport.engine.request import Request, Subject
from modelport.engine.shelf import Study
from modelport.engine.study import study
from modelport.model import Json, Tensors, jsonable

MOST = 4
"""Versions that one request may ask for."""

OWN = (errors.Cancelled, errors.BadOption, errors.InputError, errors.SandboxRefused)
"""What another version cannot mend."""


@dataclass(frozen=True)
class _Compared:
    """The outputs of each version's result on the source's cases, or why there are none."""

    known: Study | None
    outputs: Mapping[str, Mapping[str, Tensors] | str]


def convert(
    request: Request,
    work: Path,
    house: House,
    observe: Observe = flow.quiet,
    cancel: threading.Event | None = None,
) -> Conversion:
    """Convert with each version that is asked for; the first that converts is handed out.

    The others stand in folders of their own inside its folder, and its report compares them.

    Raises:
        ModelportError: Nothing was converted; ``report`` tells what was tried.
    """
    if len(request.using) < 2:  # noqa: PLR2004  # one version is no comparison
        return flow.convert(request, work, house, observe, cancel)
    if len(request.using) > MOST:
        raise errors.BadOption(f"{len(request.using)} versions are asked for, {MOST} at most")
    for name in request.using:
        versions.resolve(name, house)
    done: dict[str, Conversion] = {}
    failed: dict[str, errors.ModelportError] = {}
    for index, name in enumerate(dict.fromkeys(request.using)):
        one, place = replace(request, using=(name,)), work / f"version-{index}"
        try:
            done[name] = flow.convert(one, place, house, _named(observe, name), cancel)
        except OWN:
            raise
        except errors.ModelportError as exc:
            failed[name] = exc
    if not done:
        raise next(iter(failed.values()))
    bench = Bench(house, work / "apart", observe, cancel, request.consent)
    return _joined(request, done, failed, _compared(bench, request, done))


def _named(observe: Observe, name: str) -> Observe:
    return lambda stage, fraction, detail: observe(stage, fraction, f"{name} {detail}".strip())


def _compared(bench: Bench, request: Request, done: Mapping[str, Conversion]) -> _Compared:
    """Run the results again, on the inputs that the verification used."""
    bench.root.mkdir()
    source = flow.receive(request.files, bench.root, bench.house, source=request.source)
    try:
        subject = Subject(source, flow.look(bench, source), request)
    except errors.WeightsOnly as exc:
        return _Compared(None, dict.fromkeys(done, str(exc)))
    known = study(bench, subject)
    found = {name: outputs(bench, one.result, one.mapped, known) for name, one in done.items()}
    return _Compared(known, found)


def _joined(
    request: Request,
    done: Mapping[str, Conversion],
    failed: Mapping[str, errors.ModelportError],
    compared: _Compared,
) -> Conversion:
    """Put all results in the first one's folder, and the comparison in its report."""
    (main, first), *others = done.items()
    for name, one in others:
        one.folder.replace(first.folder / name)
    told = {**first.report, "versions": []}
    for name in dict.fromkeys(request.using):
        own = name != main and name in done
        entry: Json = {"using": name, "folder": name if own else ""}
        if name in failed:
            told["versions"].append({**entry, "error": failed[name].to_json()})
        else:
            apart = None if name == main else _apart(main, name, done, compared)
            told["versions"].append({**entry, **_entry(done[name]), "apart": apart})
    report.write_json(told, first.folder / "report.json")
    report.write_html(told, first.folder / "report.html")
    return replace(first, report=told)


def _entry(done: Conversion) -> Json:
    """Return what one version gave: its verdict, its tools, and its numbers against the source."""
    chosen = next(tried for tried in done.report["attempts"] if tried["chosen"])
    tools: dict[str, Any] = {}
    for step in chosen["steps"]:
        tools |= step["versions"]
    names = ("output", "max_abs", "max_rel", "cosine")
    return {
        "error": None,
        "verdict": done.verdict.value,
        "reason": done.report["reason"],
        "tools": tools,
        "size": done.report["result"]["size"],
        "comparisons": [
            {name: row[name] for name in names}
            for row in done.report["verification"]["comparisons"]
        ],
    }


def _apart(first: str, second: str, done: Mapping[str, Conversion], compared: _Compared) -> Json:
    """Return how far the second result is from the first, output by output."""
    one, other = compared.outputs[first], compared.outputs[second]
    told: Json = {"from": first, "reason": "", "comparisons": []}
    reason = next((text for text in (one, other) if isinstance(text, str)), "")
    known = compared.known
    if reason or known is None or known.floor is None:
        return {**told, "reason": reason or "the source has no reference here"}
    assert not isinstance(one, str)  # noqa: S101  # a text is a reason
    assert not isinstance(other, str)  # noqa: S101
    precision = done[second].report["result"]["precision"]
    typical = [case for case in known.cases if case.typical and case.id in one]
    found = verify.judge(one, other, typical, known.floor, precision=precision, guards=None)
    names = ("output", "max_abs", "max_rel", "cosine", "case", "reason")
    rows = [{name: getattr(row, name) for name in names} for row in found.comparisons]
    return {**told, "comparisons": jsonable(rows)}

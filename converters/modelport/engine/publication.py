"""Packs a finished conversion: artefacts, report and logs in one folder, ready to hand out."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelport import errors, report
from modelport.diagnose import Diagnosis
from modelport.engine.bench import Bench
from modelport.engine.mapping import listed, restrictions
from modelport.engine.request import Subject
from modelport.model import Artifact, Attempt, Description, Json, Mapped, Verdict, jsonable
from modelport.planner import split

FALLBACK = "no candidate converted the model"


@dataclass(frozen=True)
class Conversion:
    """A finished conversion.

    Attributes:
        folder: Holds the artefacts, report.json, report.html and logs/.
        mapped: How the source's inputs and outputs map to the result's.
    """

    verdict: Verdict
    report: Json
    result: Artifact
    folder: Path
    mapped: Mapped = field(default_factory=Mapped)


def publish(
    bench: Bench,
    subject: Subject,
    attempts: Sequence[Attempt],
    chosen: int | None,
    *,
    seconds: float,
    diagnosis: Diagnosis | None = None,
) -> Conversion:
    """Write the result folder and return it.

    Args:
        bench: Whose folder takes it.
        subject: The source, and what was asked of it.
        attempts: All candidates tried, in order.
        chosen: Index of the attempt to hand out; None where none converted.
        seconds: What the whole conversion took.
        diagnosis: Where the result goes wrong, if it does.

    Raises:
        ModelportError: The first candidate's error, where none converted; ``report`` is set.
    """
    bench.observe("report", 0.0, "")
    told = _report(bench, subject, attempts, chosen)
    told["seconds"] = round(seconds, 3)
    told["diagnosis"] = diagnosis.to_json() if diagnosis else None
    if chosen is None:
        raise _failure(bench, attempts, told)
    tried = attempts[chosen]
    assert tried.result is not None  # noqa: S101  # chosen among those with a result
    assert tried.verification is not None  # noqa: S101
    folder = bench.root / "result"
    folder.mkdir()
    result = _moved(tried.result, folder)
    target = _described(bench, result)
    told["result"] = {
        "format": result.format,
        "main": result.main,
        "size": result.size,
        "files": files(result),
        "precision": tried.precision,
        "description": jsonable(target),
    }
    description = subject.description
    told["io"] = jsonable(listed(tried.mapped, description, target))
    told["restrictions"] = [
        *restrictions(tried.mapped, description),
        *tried.verification.details.get("restrictions", []),
    ]
    write(told, bench, folder)
    return Conversion(tried.verification.verdict, told, result, folder, tried.mapped)


def _described(bench: Bench, result: Artifact) -> Description:
    """Return what is in the result; nothing where it holds weights alone, which is no failure."""
    try:
        return bench.inspect(result)
    except errors.WeightsOnly:
        return Description(result.format, (), ())


def write(told: Json, bench: Bench, folder: Path) -> None:
    """Write report.json, report.html and the logs into ``folder``."""
    report.write_json(told, folder / "report.json")
    report.write_html(told, folder / "report.html")
    if (bench.root / "logs").is_dir():
        shutil.copytree(bench.root / "logs", folder / "logs", dirs_exist_ok=True)


def files(artifact: Artifact) -> list[Json]:
    """Return name, size and sha256 of every file, in order."""
    entries = []
    for name in artifact.files:
        path = artifact.root / name
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        entries.append({"name": name, "size": path.stat().st_size, "sha256": digest})
    return entries


def _moved(artifact: Artifact, folder: Path) -> Artifact:
    for name in artifact.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (artifact.root / name).replace(folder / name)
    return Artifact(artifact.format, folder, artifact.main, artifact.files)


def _report(
    bench: Bench, subject: Subject, attempts: Sequence[Attempt], chosen: int | None
) -> Json:
    from modelport import __version__  # noqa: PLC0415  # the package's own init is not a room

    source, request = subject.source, subject.request
    formats = bench.house.registry.formats
    format, variant = split(request.target)
    verification = attempts[chosen].verification if chosen is not None else None
    return {
        "version": 1,
        "modelport": __version__,
        "source": {
            "name": source.main,
            "format": source.format,
            "title": formats[source.format].title,
            "size": source.size,
            "sha256": source.sha256,
            "files": [{"name": n, "size": (source.root / n).stat().st_size} for n in source.files],
            "description": jsonable(subject.description),
        },
        "target": {
            "format": format,
            "variant": variant,
            "title": formats[format].title,
            "options": jsonable(request.options),
        },
        "verdict": verification.verdict.value if verification else None,
        "reason": verification.reason if verification else FALLBACK,
        "restrictions": [],
        "result": None,
        "io": {"inputs": [], "outputs": []},
        "verification": jsonable(verification),
        "attempts": [_told(tried, index == chosen) for index, tried in enumerate(attempts)],
        "sandbox": {"layers": jsonable(bench.layers), "degraded": list(bench.degraded)},
    }


def _told(tried: Attempt, chosen: bool) -> Json:
    return {
        "route": list(tried.route),
        "chosen": chosen,
        "steps": jsonable(tried.steps),
        "error": tried.error,
        "verification": None if chosen else jsonable(tried.verification),
        "precision": tried.precision,
    }


def _failure(bench: Bench, attempts: Sequence[Attempt], told: Json) -> errors.ModelportError:
    """Return the error that tells most: one that names operators, else the first typed refusal.

    A repair that found nothing to mend says nothing of why the model did not convert.
    """
    converters = bench.house.registry.converters

    def rank(item: tuple[int, Attempt]) -> tuple[int, int]:
        index, tried = item
        if converters[tried.route[len(tried.steps)]].role == "repair":
            return 3, index
        if tried.error["operators"]:
            return 0, index
        cls = errors.BY_CODE[tried.error["code"]]
        return (1 if not issubclass(cls, errors.HouseError) else 2), index

    _, tried = min(enumerate(attempts), key=rank)
    said = tried.error
    error = errors.BY_CODE[said["code"]](
        said["detail"], hint=said["hint"], step=said["step"], operators=said["operators"]
    )
    error.report = told
    return error

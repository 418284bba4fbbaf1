"""Detects every case by itself, and inspects it: in a union where it can stand in one.

Detection reads the first bytes in the service's own process; inspection is a sandboxed
call. What a union's description lacks, or a union that is refused, is looked at alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.operators.flow import Place, source
from benchmarks.operators.group import Line, groups
from modelport import engine
from modelport.errors import ModelportError
from modelport.sandbox import workplace

SIZE = 64


def look(lines: Iterable[Line], home: Path, place: Place) -> None:
    """Look at every case that has no record yet."""
    folder = home / "looks"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [line for line in lines if not (folder / f"{line['name']}.json").is_file()]
    waiting = list(reversed(groups(missing, SIZE, {})))
    while waiting:
        members = waiting.pop()
        told = inspected(members, place)
        what = members[0]["name"] if len(members) == 1 else f"{len(members)} cases"
        print(f"{what:60}{told['outcome']:20}{told['reason'][:100]}", flush=True)
        if len(members) > 1 and (told["outcome"] != "inspected" or told["reason"]):
            waiting += [[line] for line in members]
            continue
        for line in members:
            record = {"case": line["name"], "union": len(members), **told}
            record["format"] = detected(line, place)
            (folder / f"{line['name']}.json").write_text(json.dumps(record, indent=1), "utf-8")


def detected(line: Line, place: Place) -> str:
    """Return the format that the case's own file is taken for, or the code of the refusal."""
    with workplace(place.house.home) as scratch:
        model = place.cases / f"{line['name']}.onnx"
        try:
            return engine.receive((model,), scratch / "work", place.house).format
        except ModelportError as exc:
            return exc.code


def inspected(members: Sequence[Line], place: Place) -> dict[str, Any]:
    """Return what inspection says of one model; ``reason`` names what its description lacks."""
    model, _ = source(members, place)
    with workplace(place.house.home) as scratch:
        limits = replace(place.house.limits, seconds=300.0, threads=1)
        house = replace(place.house, limits=limits)
        try:
            _, found = engine.inspect_files((model,), scratch / "work", house)
        except ModelportError as exc:
            return {"outcome": exc.code, "reason": str(exc)}
    return {"outcome": "inspected", "reason": _lacking(found, members)}


def _lacking(found: Any, members: Sequence[Line]) -> str:
    described = {
        "inputs": [tensor.name for tensor in found.inputs],
        "outputs": [tensor.name for tensor in found.outputs],
    }
    for what, names in described.items():
        stems = [f"c{i}_" if len(members) > 1 else "" for i in range(len(members))]
        wanted = [
            stem + name for stem, line in zip(stems, members, strict=True) for name in line[what]
        ]
        if names != wanted:
            return f"{what} are described as {names}, the model has {wanted}"
    known = {operator.split("::")[-1] for operator in found.operators}
    missing = sorted({name for line in members for name in line["operators"]} - known)
    return f"operators not described: {missing}" if missing else ""

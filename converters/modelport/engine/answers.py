"""Turns what a worker says, data from a stranger, into the values of the house."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelport.errors import TooLarge, WorkerDied
from modelport.model import Artifact, Description, Mapped, Port, Tensor, jsonable

# What is kept of a description: it stands in every report, in the database and on the page.
# That of an honest model of 38,000 nodes takes 20 KB.
MOST, PORTS = 2000, 4096
"""Entries of one list; inputs and outputs together."""
NAME, TEXT = 1000, 20_000
"""Characters of a key; of a text."""
WHOLE = 4 << 20
"""Bytes of all of it as JSON."""
NOTE = 1000
"""Characters of a note that are kept."""


def stem(artifact: Artifact) -> str:
    """Return the model's name: the main file without its suffixes for the format."""
    name = Path(artifact.main).name
    for suffix in (".ncnn.param",):
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return Path(name).stem or name


@contextmanager
def _checked(what: str) -> Iterator[None]:
    """Turn whatever a value of another form provokes into WorkerDied."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise WorkerDied(f"{what} gave a broken answer") from exc


def described(format: str, result: Mapping[str, Any]) -> Description:
    """Return the checked description of an inspector's answer.

    Raises:
        WorkerDied: It is not of the form that docs/protocol.md defines.
        TooLarge: The model says more of itself than anyone can read, or we want to keep.
    """
    with _checked(f"the inspector of {format}"):
        found = result["description"]
        made = Description(
            format,
            _named([_tensor(entry) for entry in found["inputs"]]),
            tuple(_tensor(entry) for entry in found["outputs"]),
            _counts(found.get("operators", {})),
            _counts(found.get("parameters", {})),
            _counts(found.get("opsets", {})),
            str(found.get("producer", ""))[:TEXT],
            _whole(found.get("nodes", 0)),
            {str(k)[:NAME]: str(v)[:TEXT] for k, v in _first(found.get("metadata", {}))},
            dict(found.get("details", {})),
        )
        size = len(json.dumps(jsonable(made)))
    if size > WHOLE or len(made.inputs) + len(made.outputs) > PORTS:
        raise TooLarge(
            f"the model's names, inputs and outputs take more than {WHOLE >> 20} MiB, "
            f"or are more than {PORTS}",
            hint="Export the model again with short names.",
        )
    return made


def _first(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the first entries: of counts the most frequent, as inspectors list them."""
    return itertools.islice(found.items(), MOST)


def _named(tensors: list[Tensor]) -> tuple[Tensor, ...]:
    """Return the inputs; ValueError where two share a name, which no array could be fed by."""
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise ValueError("two inputs of one name")
    return tuple(tensors)


def _tensor(entry: Mapping[str, Any]) -> Tensor:
    shape = entry["shape"]
    sizes = None if shape is None else tuple(_size(size) for size in shape)
    hints = dict(entry.get("hints") or {})
    for key in ("minimum", "maximum"):
        if key in hints:
            hints[key] = _number(hints[key])
    if "values" in hints:
        hints["values"] = [_number(value) for value in hints["values"]]
    return Tensor(str(entry["name"]), str(entry["dtype"]), sizes, hints)


def _number(value: Any) -> float:  # noqa: ANN401  # from JSON
    """Return an int, a bool or a finite float; ValueError for anything else."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return value


def _whole(value: Any) -> int:  # noqa: ANN401  # from JSON
    """Return an integer that any database and any page can hold."""
    if not -(2**63) <= int(value) < 2**63:
        raise ValueError(value)
    return int(value)


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    return {str(name)[:NAME]: _whole(count) for name, count in _first(found)}


def _size(size: Any) -> int | str | None:  # noqa: ANN401  # from JSON
    if size is None or isinstance(size, str):
        return size
    return _whole(size) if int(size) >= 0 else None


@dataclass(frozen=True)
class Converted:
    """A converter's answer: the files it names, and what it declares of them."""

    files: tuple[str, ...]
    mapped: Mapped
    precision: str
    versions: Mapping[str, str]
    notes: tuple[str, ...]


def converted(result: Mapping[str, Any], what: str = "the converter") -> Converted:
    """Return the checked answer of a converter.

    Raises:
        WorkerDied: It is not of the form that docs/protocol.md defines.
    """
    with _checked(what):
        return Converted(
            tuple(str(name) for name in result.get("files", [])),
            _mapped(result.get("io", {})),
            str(result.get("precision", "float32")),
            {str(k): str(v) for k, v in dict(result.get("versions", {})).items()},
            tuple(str(note)[:NOTE] for note in result.get("notes", [])),
        )


def _mapped(io: Mapping[str, Any]) -> Mapped:
    return Mapped(
        tuple(_port(entry) for entry in io.get("inputs", [])),
        tuple(_port(entry) for entry in io.get("outputs", [])),
    )


def _port(entry: Mapping[str, Any]) -> Port:
    target = entry.get("target")
    shape, constant = entry.get("shape"), entry.get("constant")
    axes = tuple(int(axis) for axis in entry.get("axes", []))
    if sorted(axes) != list(range(len(axes))) or (shape and axes and len(shape) != len(axes)):
        raise ValueError("axes that transpose nothing")
    if np.asarray(constant).dtype.hasobject and constant is not None:
        raise ValueError("a constant that is no array")
    return Port(
        str(entry["source"]),
        None if target is None else str(target),
        axes,
        constant,
        None if shape is None else tuple(_whole(size) for size in shape),
        dict(entry.get("extra") or {}),
    )


@dataclass(frozen=True)
class CaseTold:
    """What a runtime says of one case: ``error`` is "" where there are outputs."""

    case: str
    error: str
    seconds: float


@dataclass(frozen=True)
class RunTold:
    """What a runtime says of one variant."""

    error: str
    cases: tuple[CaseTold, ...]
    refusal: Mapping[str, Any]


def told(result: Mapping[str, Any], asked: Mapping[str, Sequence[str]]) -> dict[str, RunTold]:
    """Return what a runtime says of each variant of ``asked`` (cases by variant).

    Raises:
        WorkerDied: It is not of the form that docs/protocol.md defines, or about other cases.
    """
    with _checked("a runtime"):
        runs = result["runs"]
        pairs = zip(asked.items(), runs, strict=True)
        return {variant: _run(run, cases) for (variant, cases), run in pairs}


def _run(run: Mapping[str, Any], asked: Sequence[str]) -> RunTold:
    cases = tuple(
        CaseTold(str(one["case"]), str(one["error"]), max(0.0, float(one["seconds"])))
        for one in run["cases"]
    )
    if [one.case for one in cases] != ([] if run["error"] else list(asked)):
        raise ValueError("other cases than asked for")
    refusal = run.get("refusal") or {}
    return RunTold(str(run["error"]), cases, {str(k): str(v) for k, v in refusal.items()})


def weighed(result: Mapping[str, Any]) -> list[str] | str:
    """Return the names of the tensors that a reader wrote; a sentence where it wrote none.

    Raises:
        WorkerDied: It is not of the form that docs/protocol.md defines.
    """
    with _checked("a reader of weights"):
        if result.get("skipped"):
            return str(result["skipped"])
        return [str(name) for name in result["names"]]


def ports(listed: Sequence[Port]) -> list[dict[str, Any]]:
    """Return ports as they stand in ``request.json``."""
    return [
        {"source": p.source, "target": p.target, "axes": list(p.axes), "extra": dict(p.extra)}
        for p in listed
    ]

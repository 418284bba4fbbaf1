"""Turns what a worker says, data from a stranger, into the values of the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelport.errors import WorkerDied
from modelport.model import Artifact, Description, Mapped, Port, Tensor


def stem(artifact: Artifact) -> str:
    """Return the model's name: the main file without its suffixes for the format."""
    name = Path(artifact.main).name
    for suffix in (".ncnn.param",):
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return Path(name).stem or name


def described(format: str, found: Mapping[str, Any]) -> Description:
    """Return the checked description; what a worker says is data from a stranger.

    Raises:
        WorkerDied: It is not of the form that docs/protocol.md defines.
    """
    try:
        return Description(
            format,
            tuple(_tensor(entry) for entry in found["inputs"]),
            tuple(_tensor(entry) for entry in found["outputs"]),
            {str(k): int(v) for k, v in found.get("operators", {}).items()},
            {str(k): int(v) for k, v in found.get("parameters", {}).items()},
            {str(k): int(v) for k, v in found.get("opsets", {}).items()},
            str(found.get("producer", "")),
            int(found.get("nodes", 0)),
            {str(k): str(v) for k, v in found.get("metadata", {}).items()},
            dict(found.get("details", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise WorkerDied(f"the inspector of {format} gave a broken description") from exc


def _tensor(entry: Mapping[str, Any]) -> Tensor:
    shape = entry["shape"]
    sizes = None if shape is None else tuple(_size(size) for size in shape)
    return Tensor(str(entry["name"]), str(entry["dtype"]), sizes, dict(entry.get("hints") or {}))


def _size(size: Any) -> int | str | None:  # noqa: ANN401  # from JSON
    if size is None or isinstance(size, str):
        return size
    return int(size) if int(size) >= 0 else None


def mapped(io: Mapping[str, Any]) -> Mapped:
    """Return the I/O mapping that a converter declared."""
    return Mapped(
        tuple(_port(entry) for entry in io.get("inputs", [])),
        tuple(_port(entry) for entry in io.get("outputs", [])),
    )


def _port(entry: Mapping[str, Any]) -> Port:
    target = entry.get("target")
    shape = entry.get("shape")
    return Port(
        str(entry["source"]),
        None if target is None else str(target),
        tuple(int(axis) for axis in entry.get("axes", [])),
        entry.get("constant"),
        None if shape is None else tuple(int(size) for size in shape),
        dict(entry.get("extra") or {}),
    )


def ports(listed: Sequence[Port]) -> list[dict[str, Any]]:
    """Return ports as they stand in ``request.json``."""
    return [
        {"source": p.source, "target": p.target, "axes": list(p.axes), "extra": dict(p.extra)}
        for p in listed
    ]

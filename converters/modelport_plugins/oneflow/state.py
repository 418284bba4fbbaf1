"""A state_dict in a folder: names and arrays, whichever layout it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import pickled, variable
from modelport_sdk import CorruptModel

PICKLED = "pickled_data"
DONE = "snapshot_done"
LONGEST = 64 << 20  # bytes of names: a million tensors


def folders(source: Path) -> dict[str, str]:
    """Return the folder of each tensor by name; ``source`` is the layout's main file.

    Raises:
        UnsafeModel: The pickle asks for a class; it is named.
        CorruptModel: The pickle is damaged, or there is no tensor.
    """
    if source.name == PICKLED:
        if source.stat().st_size > LONGEST:
            raise CorruptModel("pickled_data is larger than any list of names")
        return pickled.tensors(source.read_bytes())
    found = sorted(path.parent.name for path in source.parent.glob("*/meta"))
    if not found:
        raise CorruptModel(
            "snapshot_done stands alone: there is no variable beside it",
            hint="Send the whole folder.",
        )
    return {name: name for name in found}


def read(source: Path) -> dict[str, Any]:
    """Return the arrays by name.

    Raises:
        CorruptModel: One is missing, outside of the folder, or of another size than it says.
    """
    return {name: variable.load(source.parent, at) for name, at in folders(source).items()}


def shapes(source: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return shape and type of each tensor, sizes on disk checked, without reading values."""
    found = {}
    for name, at in folders(source).items():
        shape, kind = variable.meta(source.parent, at)
        variable.check(source.parent, at, shape, kind)
        found[name] = (shape, kind)
    return found


def write(folder: Path, arrays: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
    """Write the layout with a folder a name, which ``oneflow.load(folder)`` reads.

    ``snapshot_done`` must be there; what it holds does not matter to OneFlow.
    """
    folder.mkdir(parents=True)
    for name, array in dict(arrays).items():
        variable.save(folder, name, array)
    (folder / DONE).write_text("done\n", "utf-8")

"""What a finished environment holds, so that a file that goes missing later is named.

Imports alone do not show it: most files of a package are read when they are first used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

FILE = "contents.json"
NAMED = 3  # files that a fault names; the rest are counted


def record(folder: Path) -> None:
    """Write the sizes of all files of ``folder``."""
    found = {name: _size(folder / name) for name in sorted(_names(folder))}
    part = folder / f"{FILE}.part"
    part.write_text(json.dumps(found, indent=0), "utf-8")
    part.replace(folder / FILE)


def fault(folder: Path) -> str:
    """Return which recorded files are gone or have another size, as a sentence; "" if none.

    An environment that has no record, because it is older, has no fault that can be seen here.
    """
    try:
        known: dict[str, int] = json.loads((folder / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return f"its record of files ({FILE}) cannot be read"
    off = [name for name, size in known.items() if _size(folder / name) != size]
    if not off:
        return ""
    listed = ", ".join(off[:NAMED]) + (", ..." if len(off) > NAMED else "")
    return f"{len(off)} of its {len(known)} files are gone or changed: {listed}"


def _names(folder: Path) -> Iterator[str]:
    """Yield the files of the packages and of the interpreter, relative to ``folder``.

    Compiled files come and go with their sources, and pip is no part of what runs: the image
    takes it out again.
    """
    for parent in (folder / "bin", folder / "lib"):
        for root, folders, files in os.walk(parent):
            folders[:] = [name for name in folders if name != "__pycache__" and not _is_pip(name)]
            here = Path(root).relative_to(folder)
            yield from (str(here / name) for name in files if not _is_pip(name))


def _is_pip(name: str) -> bool:
    return name == "pip" or (name.startswith("pip") and name[3:4] in {"-", "3"})


def _size(path: Path) -> int:
    """Return the bytes of a file, -1 of a link, whose target is not ours, and -2 of none."""
    try:
        return -1 if path.is_symlink() else path.lstat().st_size
    except OSError:
        return -2

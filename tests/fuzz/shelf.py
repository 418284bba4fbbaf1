"""Where targets and their corpora lie, and how they are loaded; needs no atheris."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"
FILE_BYTES, FOLDER_BYTES = 4096, 300_000
"""What one kept file, and all of them together, may have."""

MEMORY = Path("/dev/shm")


def home() -> str | None:
    """Return where temporary folders go: TMPDIR, else memory, else where Python has them."""
    return str(MEMORY) if "TMPDIR" not in os.environ and MEMORY.is_dir() else None


def names() -> list[str]:
    """Return the targets: a file each."""
    return sorted(path.stem for path in (FOLDER / "targets").glob("[a-z]*.py"))


def module(name: str) -> ModuleType:
    """Return the loaded target module ``name``."""
    known = f"fuzz_target_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, FOLDER / "targets" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


def target(name: str) -> Callable[[bytes], None]:
    """Return the function that takes a stranger's bytes and raises where something is wrong."""
    found: Callable[[bytes], None] = module(name).target
    return found


def kept(name: str) -> list[Path]:
    """Return the files of the target's corpus that are kept in the repository."""
    return sorted(path for path in (CORPUS / name).glob("*") if path.is_file())


@contextmanager
def room() -> Iterator[Path]:
    """Give an empty folder, in memory where the machine has one: a run makes thousands."""
    with tempfile.TemporaryDirectory(prefix="modelport-fuzz-", dir=home()) as folder:
        yield Path(folder)

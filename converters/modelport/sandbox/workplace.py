"""A temporary folder whose jobs may run as users of their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def workplace(within: Path | None = None) -> Iterator[Path]:
    """Give a folder, in ``within`` or where temporary files go; it is gone afterwards.

    What ``tempfile`` makes is closed to all but its maker. A job that runs as another user has
    to pass through, and is else left with the maker's own user.
    """
    if within is not None:
        within.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="modelport-", dir=within))
    folder.chmod(0o711)
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

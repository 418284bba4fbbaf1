"""Progress on standard error: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from modelport.text import plain

Observe = Callable[[str, float, str], None]


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Observe]:
    """Give a function that shows each stage as it is reported."""
    if quiet:
        yield lambda _stage, _fraction, _detail: None
    elif sys.stderr.isatty():
        with _live() as observe:
            yield observe
    else:
        yield _Lines().observe


class _Lines:
    """Prints a stage once, when it begins."""

    def __init__(self) -> None:
        self._last = ("", "")

    def observe(self, stage: str, fraction: float, detail: str) -> None:
        """Print the stage unless it is the one printed last."""
        del fraction
        if (stage, detail) != self._last:
            self._last = (stage, detail)
            print(plain(f"{stage}: {detail}" if detail else stage), file=sys.stderr, flush=True)


@contextlib.contextmanager
def _live() -> Iterator[Observe]:
    from rich.console import Console  # noqa: PLC0415  # --help must not wait for it
    from rich.markup import escape  # noqa: PLC0415  # likewise
    from rich.progress import (  # noqa: PLC0415  # likewise
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=1.0, detail="")

        def observe(stage: str, fraction: float, detail: str) -> None:
            bars.update(
                task,
                description=escape(plain(stage)),
                completed=min(max(fraction, 0.0), 1.0),
                detail=escape(plain(detail)),
            )

        yield observe

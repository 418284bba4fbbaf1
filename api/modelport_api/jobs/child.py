"""Runs one attempt in a child process of its own session, and kills all of it when told.

The child gets a folder with ``request.json``, prints its progress as JSON lines and
leaves ``outcome.json``; docs/jobs.md describes the files. Its standard input is its
lifeline: when this process dies, even by SIGKILL, it reads the end and kills its group.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from modelport.errors import TimedOut, WorkerDied
from modelport_api import secrecy
from modelport_api.jobs.database import clean

Json = dict[str, Any]
Report = Callable[[Json | None], Awaitable[bool]]

TICK_SECONDS = 0.5  # at most two rows of progress a second
GRACE_SECONDS = 3.0  # between the request to stop and SIGKILL
DETAIL = 500  # characters of progress text that are kept


class Superseded(Exception):
    """Another attempt owns the job, or nobody wants it any more."""


async def run(argv: Sequence[str], folder: Path, *, seconds: float, report: Report) -> Json:
    """Run ``argv`` on the attempt's ``folder`` and return its outcome.

    Args:
        argv: Command; the folder is appended.
        folder: Holds ``request.json``.
        seconds: Wall time of the whole attempt.
        report: Told the newest progress, or None to be asked only, at most twice a
            second; answers whether the attempt still counts.

    Raises:
        Superseded: ``report`` said no; the child has been killed.
        CancelledError: The job was cancelled; the child has been killed.
    """
    with (folder / "runner.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *argv,
            str(folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            env=secrecy.handed_on(),
        )
    try:
        async with asyncio.timeout(seconds):
            await _relay(process, report)
            status = await process.wait()
    except TimeoutError:
        hint = "Try a smaller model, or ask the operator to raise MODELPORT_JOB_SECONDS."
        error = TimedOut(f"the conversion took longer than {seconds:g} s", hint=hint)
        return {"problem": error.to_json()}
    finally:
        await _stop(process)
    return _outcome(folder, status)


async def _relay(process: asyncio.subprocess.Process, report: Report) -> None:
    latest: Json | None = None

    async def read() -> None:
        nonlocal latest
        assert process.stdout is not None  # noqa: S101  # asked for above
        async for line in process.stdout:
            latest = _progress(line) or latest

    reader = asyncio.create_task(read())
    try:
        while not reader.done():
            await asyncio.wait({reader}, timeout=TICK_SECONDS)
            update, latest = latest, None
            if not await report(update):
                raise Superseded
        await reader
    finally:
        reader.cancel()


def _progress(line: bytes) -> Json | None:
    try:
        update = json.loads(line)
        return {
            "stage": clean(str(update["stage"]))[:DETAIL],
            "fraction": min(1.0, max(0.0, float(update["fraction"]))),
            "detail": clean(str(update.get("detail", "")))[:DETAIL],
        }
    except (ValueError, KeyError, TypeError):
        return None  # a tool's chatter


def _outcome(folder: Path, status: int) -> Json:
    try:
        outcome: Json = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        error = WorkerDied(
            f"the conversion {how} and left no result",
            hint="Try again; if the machine ran out of memory, with more of it.",
        )
        return {"problem": error.to_json()}
    return outcome


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    # Also after a regular end: whatever it left behind in its session.
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)

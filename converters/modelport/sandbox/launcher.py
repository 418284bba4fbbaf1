"""Runs a program in the sandbox: starts its supervisor and waits for how it ended."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from modelport.sandbox import folder
from modelport.sandbox.ending import Ending
from modelport.sandbox.layers import ENTRY, Layers, layers, sweep
from modelport.sandbox.limits import Limits
from modelport.sandbox.plan import Plan

__all__ = ["Ending", "Limits", "launch"]

GLANCE = 0.05  # seconds between looks at ``cancel``
GRACE = 30.0  # seconds beyond a limit after which the supervisor itself is given up
ANSWER = 1 << 20

Popen = subprocess.Popen[bytes]


def launch(
    argv: Sequence[str | Path],
    *,
    job: Path,
    readable: Sequence[Path],
    limits: Limits,
    log: BinaryIO | Path,
    environment: Mapping[str, str] | None = None,
    cancel: threading.Event | None = None,
    insecure: bool = False,
) -> Ending:
    """Run ``argv`` in the folder ``job`` until it ends or meets a limit.

    May be called from several threads at once. Nothing of the job is alive on return.

    Args:
        argv: Program, by its absolute path, and arguments.
        job: Exists; the program may write to its ``out/``, ``tmp/``, ``progress.jsonl`` and
            ``result.json`` (by way of ``result.json.part``), and read the rest.
        readable: Files and folders elsewhere that it may read. Its interpreter and virtual
            environment, and the system's libraries, need not be named.
        limits: The most it may use.
        log: Takes what the program prints; a file with a descriptor, or a path to append to.
        environment: Variables beside those every job gets; nothing is inherited.
        cancel: Ends the job when set.
        insecure: Run even where the machine lacks the layers.
    """
    found = layers()
    if not found.enough and not insecure:
        reason = "this machine lacks seccomp, or both Landlock and bubblewrap"
        return _ending("refused", found, reason)
    plan = Plan(
        argv=tuple(map(str, argv)),
        job=str(job.resolve()),
        readable=tuple(str(path.absolute()) for path in readable),
        limits=limits,
        environment=dict(environment or {}),
        **found.in_force,
    )
    with _opened(log) as stream:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", ENTRY, "supervise"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            start_new_session=True,
            env={},
        )
    with process:
        answer = _awaited(process, plan, cancel)
    if not answer:
        sweep()
        folder.reclaim(plan.job, folder.unsealed(plan.job))
    return _read(answer, found)


def _awaited(process: Popen, plan: Plan, cancel: threading.Event | None) -> bytes:
    """Return what the supervisor says in the end; b"" if it died."""
    assert process.stdin is not None  # noqa: S101  # asked for above; mypy cannot see it
    assert process.stdout is not None  # noqa: S101
    lifeline, answers = process.stdin.fileno(), process.stdout.fileno()
    try:
        os.write(lifeline, plan.to_json().encode() + b"\n")
    except BrokenPipeError:
        return b""
    end = time.monotonic() + plan.limits.seconds + GRACE
    answer = b""
    cancelled = False
    while time.monotonic() < end:
        if select.select([answers], [], [], GLANCE)[0]:
            piece = os.read(answers, ANSWER)
            if not piece:
                return answer
            answer += piece
        if cancel is not None and cancel.is_set() and not cancelled:
            cancelled = True
            with suppress(BrokenPipeError):  # it ends just now
                os.write(lifeline, b"c")
    # This is the guard; without it the supervisor ends its job, and its last word is waited for.
    process.kill()
    select.select([answers], [], [], GRACE)
    return b""


def _read(answer: bytes, found: Layers) -> Ending:
    if not answer:
        return _ending("signal", found, "the supervisor died")
    fields = json.loads(answer)
    in_force = {**found.in_force, **fields.pop("layers")}
    degraded = tuple(dict.fromkeys([*fields.pop("degraded"), *found.degraded]))
    return Ending(**fields, layers=in_force, degraded=degraded)


def _ending(status: str, found: Layers, reason: str) -> Ending:
    signal = "SIGKILL" if status == "signal" else ""
    empty = Ending(status, None, signal, 0.0, 0.0, 0, found.in_force, (reason,), 0)
    return replace(empty, degraded=(reason, *found.degraded))


@contextmanager
def _opened(log: BinaryIO | Path) -> Iterator[BinaryIO]:
    if not isinstance(log, Path):
        yield log
        return
    with log.open("ab") as stream:
        yield stream

"""Runs one plugin call in one job folder, and turns every ending into a value or an error.

The job folder is hostile ground once the worker has run: sizes are capped, JSON is
checked, and files are handed on only if they are regular, alone on their inode and
inside ``out/``.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelport import errors
from modelport.errors import ModelportError
from modelport.sandbox import answer
from modelport.sandbox.answer import named
from modelport.sandbox.delivery import opened
from modelport.sandbox.launcher import Ending, Limits, launch
from modelport_sdk import PROTOCOL

Watch = Callable[[str, float], None]

TAIL = 4096
SHARED_CODE = ("modelport_sdk", "modelport_onnx")


@dataclass(frozen=True)
class Call:
    """One request to a plugin.

    Attributes:
        kind: ``convert``, ``inspect``, ``run`` or ``weights``.
        ref: The plugin as ``module:name``.
        python: Interpreter of its environment.
        source: Main file of the model, anywhere; its folder becomes readable to the job.
        request: Further members of ``request.json``; docs/protocol.md lists them.
        packages: Whose versions the answer should carry.
        consent: Whether the operator lets pickled code run.
    """

    kind: str
    ref: str
    python: Path
    source: Path
    request: Mapping[str, Any]
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a call gave: the checked ``result.json``, and how its process ended."""

    result: Mapping[str, Any]
    ending: Ending
    job: Path


FILLED = {"GLIBC_TUNABLES": "glibc.malloc.perturb=191:glibc.malloc.tcache_count=0"}
"""Makes glibc fill memory that it hands out with 0x40 (3.0 in float32, 32.5 in float64), and
memory that it takes back with 0xBF (-1.5); its cache for threads would hand out unfilled memory.

Untouched memory is mostly zero, so that a runtime which reads what it never wrote gives the
right numbers by luck: MNN 3.6.1 did on onnx's test_affine_grid_2d_expanded, and was off by 10^8
on another run of the same file.
"""


@dataclass(frozen=True)
class Jail:
    """The terms on which calls run: limits, the user's cancel, and whether bars may miss."""

    limits: Limits
    cancel: threading.Event | None = None
    insecure: bool = False


def prepare(job: Path) -> Path:
    """Create the job folder with its sub-folders, and return it."""
    for name in ("in", "cases", "out", "tmp", "code"):
        (job / name).mkdir(parents=True, exist_ok=True)
    return job


def call(job: Path, asked: Call, jail: Jail, watch: Watch | None = None) -> Answer:
    """Run ``asked`` in ``job`` (made by ``prepare``) and return its answer.

    Raises:
        StepError, InputError: The plugin refused, with its own code.
        PluginBug: It raised something it had not declared.
        ResourceError: A limit was hit.
        Cancelled: ``jail.cancel`` was set.
        WorkerDied: It ended without a result.
        SandboxRefused: The machine lacks the layers, and ``jail.insecure`` is not set.
    """
    _stage(asked.ref, job)
    request = {
        **asked.request,
        "protocol": PROTOCOL,
        "kind": asked.kind,
        "plugin": asked.ref,
        "source": str(asked.source),
        "threads": jail.limits.threads,
        "packages": list(asked.packages),
    }
    (job / "request.json").write_text(json.dumps(request), "utf-8")
    worker = job / "code" / "modelport_sdk" / "worker.py"
    with _followed(job / "progress.jsonl", watch):
        ending = launch(
            [asked.python, "-I", "-B", worker, job],
            job=job,
            readable=[asked.source.parent],
            limits=jail.limits,
            log=job / "log.txt",
            cancel=jail.cancel,
            insecure=jail.insecure,
            environment=FILLED if asked.kind == "run" else None,
        )
    _raise_for(ending, job, asked.ref, jail.limits)
    return Answer(
        answer.read(job / "result.json", asked.ref, (asked.source.parent, job)), ending, job
    )


def tail(job: Path) -> str:
    """Return the last lines of the job's log, printable characters only."""
    try:
        with opened(job, "log.txt") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - TAIL))
            text = stream.read().decode("utf-8", "replace")
    except (ModelportError, OSError):
        return ""
    return "".join(c for c in text if c.isprintable() or c == "\n").strip()


def _stage(ref: str, job: Path) -> None:
    """Copy the SDK, the ONNX shelf and the one plugin's package to ``job/code``.

    The worker sees these and its own environment, never the service's packages; and
    the folder can be run again by hand as it stands.
    """
    parts = ref.partition(":")[0].split(".")
    # modelport_plugins.ncnn.from_onnx: the package of packages, then one framework's folder
    wanted = [*SHARED_CODE, ".".join(parts[:2]) if parts[0] == "modelport_plugins" else parts[0]]
    for name in wanted:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise errors.EnvironmentBroken(f"plugin package {name} has vanished")
        origin = Path(spec.origin)
        target = job / "code" / Path(*name.split("."))
        if origin.name == "__init__.py":
            ignored = shutil.ignore_patterns("__pycache__", "*.lock")
            shutil.copytree(origin.parent, target, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copy(origin, target.with_suffix(origin.suffix))
    if parts[0] == "modelport_plugins":
        (job / "code" / "modelport_plugins" / "__init__.py").touch()


def _raise_for(ending: Ending, job: Path, ref: str, limits: Limits) -> None:
    """Raise what the process's own ending says; return if it ended with status 0."""
    step = named(ref)
    status = ending.status
    if status == "exit" and ending.code == 0:
        return
    if status == "cancelled":
        raise errors.Cancelled("cancelled on request", step=step)
    if status == "refused":
        reason = "; ".join(ending.degraded) or "no sandbox on this machine"
        hint = "Run modelport doctor, or accept the risk with --insecure."
        raise errors.SandboxRefused(reason, hint=hint, step=step)
    if status == "timed-out":
        hint = "Allow more time, or try a smaller model."
        raise errors.TimedOut(f"{step} took longer than {limits.seconds:g} s", hint=hint, step=step)
    last = tail(job)
    starved = ("MemoryError", "bad_alloc", "DefaultCPUAllocator: can't allocate memory")
    if status == "out-of-memory" and ending.peak_memory < limits.memory // 2:
        raise _outbid(step, ending.peak_memory, limits.memory)
    if status == "out-of-memory" or any(word in last for word in starved):
        message = f"{step} needed more than {limits.memory / (1 << 30):.1f} GiB of memory"
        raise errors.OutOfMemory(message, hint="Allow more memory.", step=step)
    if status in {"disk-full", "too-many-files"} or ending.signal == "SIGXFSZ":
        message = f"{step} wrote more than {limits.disk / (1 << 30):.1f} GiB"
        raise errors.DiskFull(message, hint="Allow more disk space.", step=step)
    how = f"was killed by {ending.signal}" if ending.signal else f"ended with status {ending.code}"
    died = errors.WorkerDied(f"{step} {how} and left no result", hint="See the log.", step=step)
    died.signal = ending.signal
    raise died


def _outbid(step: str, peak: int, limit: int) -> errors.OutOfMemory:
    """Return the error of a job that the kernel ended although it was far below its limit.

    Jobs are the first that the kernel ends where the whole machine is short of memory.
    """
    used = f"it was seen to use {peak / (1 << 30):.1f} GiB of the {limit / (1 << 30):.1f} allowed"
    message = f"the kernel ended {step} for want of memory: {used}"
    hint = "Try again when less runs on this machine, or run fewer jobs at once."
    return errors.OutOfMemory(message, hint=hint, step=step)


@contextmanager
def _followed(progress: Path, watch: Watch | None) -> Iterator[None]:
    """Hand each new line of ``progress.jsonl`` to ``watch`` while the body runs."""
    if watch is None:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_follow, args=(progress, watch, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _follow(progress: Path, watch: Watch, done: threading.Event) -> None:
    offset = 0
    while not done.wait(0.3):
        try:
            with opened(progress.parent, progress.name) as stream:
                stream.seek(offset)
                lines = stream.read(1 << 16).splitlines(keepends=True)
        except ModelportError:  # the job has put something else in its place
            continue
        for line in lines:
            if not line.endswith(b"\n"):
                break
            offset += len(line)
            if told := answer.progress(line):
                watch(*told)

"""Starts one job, watches it, and leaves nothing of it alive.

Runs outside the sandbox, in a process of its own, one a job. Its standard input is the
lifeline: a byte on it cancels the job, and its end means that the server has died.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from dataclasses import dataclass, replace
from typing import Any

from modelport.sandbox import cgroup, folder, identity, kernel, process_tree, stage, view
from modelport.sandbox.plan import Plan

LIFELINE = 0
FIRST_POLL, POLL = 0.005, 0.1  # seconds between looks at the tree, growing
NEAR_POLL = 0.02  # where more than half of the memory is used, or the disk fills up fast
DISK_POLL = 0.5  # the longest; a small folder is looked at as often as the tree
DISK_EFFORT = 4  # seconds between looks at the disk, for each second that a look takes
DEATH = 128  # bubblewrap tells a death by signal n as exit status 128 + n

SIGNALS = {signal.SIGXCPU: "timed-out", signal.SIGXFSZ: "disk-full"}
"""Signals by which the kernel itself enforces a limit."""


@dataclass(frozen=True)
class Job:
    """A running job: its first process, its groups, and how to watch it."""

    plan: Plan
    pid: int
    groups: tuple[str, ...]
    start: float
    parent: int


@dataclass
class Peak:
    """The most memory seen, and at the last look, in bytes; whether that was above the limit."""

    memory: int = 0
    last: int = 0
    over: bool = False


@dataclass
class Disk:
    """Looks at the job's folder; sooner where it fills up fast.

    Attributes:
        at: When the last look ended, in seconds since the job's start.
        pause: Seconds from then to the next.
        share: Of the limits, what the last look found.
    """

    at: float = 0.0
    pause: float = POLL
    share: float = 0.0

    def look(self, job: Job) -> str:
        """Return the status for a folder that is too full, "" for one that is not, or not yet."""
        begin = time.monotonic() - job.start
        if begin - self.at <= self.pause:
            return ""
        status, share = _filled(job.plan)
        pace = (share - self.share) / (begin - self.at)
        self.at, self.share = time.monotonic() - job.start, share
        self.pause = min(DISK_POLL, max(POLL, DISK_EFFORT * (self.at - begin)))
        if pace > 0:  # half the time in which the limit is reached at this pace
            self.pause = max(NEAR_POLL, min(self.pause, (1 - share) / pace / 2))
        return status


def supervise(plan: Plan) -> dict[str, Any]:
    """Run the job of ``plan`` and return the members of its ``Ending``."""
    kernel.prctl(kernel.SUBREAPER, 1)
    parent = os.getppid()
    plan, modes, degraded = _settled(plan)
    most = plan.limits.processes + stage.TASK_SLACK
    groups = tuple(cgroup.make(plan.limits.memory, most)) if plan.cgroups else ()
    peak = Peak()
    start = time.monotonic()
    try:
        pid, complaint = _started(plan, groups)
        job = Job(plan, pid, groups, start, parent)
        status, code, name = ("refused", None, "") if complaint else _watched(job, peak)
        leftover = process_tree.kill(os.getpid(), plan.uid, groups)
        status = _corrected(status, code, name, job)
    finally:
        cgroup.remove(groups)
        folder.reclaim(plan.job, modes)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "status": status,
        "code": code,
        "signal": name,
        "seconds": round(time.monotonic() - start, 3),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "peak_memory": max(peak.memory, used.ru_maxrss * 1024),
        "layers": {"uid": plan.uid, "cgroups": list(groups)},
        "degraded": [complaint, *degraded] if complaint else degraded,
        "leftover": leftover,
    }


def _settled(plan: Plan) -> tuple[Plan, list[tuple[str, int]], list[str]]:
    """Make the job folder ready, for a user of its own where one can be lent.

    Returns the plan with that user, the modes to give back, and the reason if there is none.
    """
    uid = identity.lease() if plan.identities else None
    if uid is None:
        return _counted(plan), folder.prepare(plan.job, None), []
    modes = folder.prepare(plan.job, uid)
    missing = identity.unreachable(uid, view.required(plan))
    if not missing:
        return _counted(replace(plan, uid=uid)), modes, []
    folder.reclaim(plan.job, modes)
    what = view.title(missing, plan)
    sentence = f"the job runs under the service's user, since no other can read {what}"
    return _counted(plan), folder.prepare(plan.job, None), [sentence]


def _counted(plan: Plan) -> Plan:
    others = process_tree.tasks_of(os.getuid()) if plan.uid is None else 0
    return replace(plan, tasks=others + plan.limits.processes + stage.TASK_SLACK)


def _started(plan: Plan, groups: tuple[str, ...]) -> tuple[int, str]:
    """Fork the job; return its number, and why it could not begin ("" if it did)."""
    read, write = os.pipe()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        stage.begin(plan, groups, write, supervisor)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        return pid, stream.read(4096).decode("utf-8", "replace")


def _watched(job: Job, peak: Peak) -> tuple[str, int | None, str]:
    """Return status, exit code and signal name once the job has ended or must end."""
    pidfd = _pidfd(job.pid)
    wait, disk = FIRST_POLL, Disk()
    while True:
        ready, _, _ = select.select([LIFELINE, *pidfd], [], [], wait)
        ended = process_tree.reap()
        if job.pid in ended:
            return _decoded(os.waitstatus_to_exitcode(ended[job.pid]), job.plan)
        if LIFELINE in ready or os.getppid() != job.parent:
            return "cancelled", None, ""
        elapsed = time.monotonic() - job.start
        status = "timed-out" if elapsed > job.plan.limits.seconds else _overload(job, peak)
        status = status or disk.look(job)
        if status:
            return status, None, ""
        near = peak.last > job.plan.limits.memory // 2 or disk.pause < POLL
        wait = min(wait * 1.5, NEAR_POLL if near else POLL)


def _overload(job: Job, peak: Peak) -> str:
    """Return the status for a tree that is too large, "" for one that is not."""
    pids = process_tree.descendants(os.getpid())
    load = process_tree.load(pids)
    limit = job.plan.limits.memory
    was_over, peak.over = peak.over, False
    if load.memory > limit:
        # Twice in a row and shared pages once: between fork and exec two processes
        # show the same memory.
        load = load._replace(memory=process_tree.load(pids, shared_once=True).memory)
        peak.over = load.memory > limit
    peak.last = load.memory
    peak.memory = max(peak.memory, load.memory)
    if (peak.over and was_over) or cgroup.starved(job.groups):
        return "out-of-memory"
    return "too-many-processes" if load.tasks > job.plan.limits.processes else ""


def _pidfd(pid: int) -> list[int]:
    """Return a descriptor that becomes ready when ``pid`` ends; none on old kernels or engines."""
    try:
        return [os.pidfd_open(pid)]
    except OSError:
        return []


def _filled(plan: Plan) -> tuple[str, float]:
    """Return the status for a folder that is too full, and what share of the limits it takes."""
    usage, limits = folder.usage(plan.job, plan.limits.files), plan.limits
    share = max(usage.disk / max(1, limits.disk), usage.files / max(1, limits.files))
    if usage.disk > limits.disk:
        return "disk-full", share
    return "too-many-files" if usage.files > limits.files else "", share


def _decoded(code: int, plan: Plan) -> tuple[str, int | None, str]:
    if plan.bubblewrap and code > DEATH:
        code = DEATH - code
    if code >= 0:
        return "exit", code, ""
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"SIG{-code}"
    return "signal", None, name


def _corrected(status: str, code: int | None, name: str, job: Job) -> str:
    """Return the limit behind an unclean end, where there is one."""
    if status not in {"exit", "signal"}:
        return status
    if name and SIGNALS.get(signal.Signals[name]):
        return SIGNALS[signal.Signals[name]]
    if cgroup.starved(job.groups):
        return "out-of-memory"
    overflow, _ = _filled(job.plan)
    if overflow or code == 0:
        return overflow or status
    stopped = folder.usage(job.plan.job).largest >= job.plan.limits.file_size
    return "disk-full" if stopped else status

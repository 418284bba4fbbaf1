"""The last steps before the job: a forked child gives up, one by one, all that it could do.

The order matters: rules are opened while we may still open anything, the user id changes
before the limits that are counted by user, and the filter, which forbids most of these very
steps, comes last.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

from modelport.sandbox import cgroup, folder, identity, kernel, landlock, namespace, seccomp, view
from modelport.sandbox.plan import Plan
from modelport.silence import SILENT

REFUSED = 97
ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "entry.py")
NICENESS = 5
OPEN_FILES = 4096  # a model may keep each of its tensors in a file
STACK = 8 << 20, 64 << 20  # bytes, soft and hard
LOCKED_MEMORY = 64 << 10

DATA_SLACK = 1 << 30
"""Bytes above the limit of the tree that one process may allocate.

Slow growth then meets the poll, which names the reason; only a single absurd request
meets this. RLIMIT_AS would count library mappings and reservations: 2.5 times too strict.
"""
TASK_SLACK = 32
"""Tasks above the limit at which the kernel refuses; the poll finds the excess and names it."""
CPU_SLACK = 60  # seconds beyond wall time on every core: only counts if the supervisor is gone


def begin(plan: Plan, groups: tuple[str, ...], complaints: int, supervisor: int) -> None:
    """Turn this forked child into the job of ``plan``; never returns.

    Why it could not is written to ``complaints``, which the job does not inherit.
    """
    try:
        cgroup.join(groups)
        os.setsid()
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(2, 1)
        if plan.bubblewrap:
            _enter_namespace(plan, complaints)
        confine(plan, complaints, supervisor)
    except BaseException as exc:  # noqa: BLE001  # a fork must never run on into its parent's code
        os.write(complaints, f"{type(exc).__name__}: {exc}".encode())
    finally:
        os._exit(REFUSED)


def confine(plan: Plan, complaints: int, supervisor: int = 0) -> None:
    """Give up everything and become the job's program; never returns.

    Raises:
        OSError: A layer that the plan counts on is refused, or the program cannot be started.
    """
    os.chdir(plan.job)
    _be_first_to_go()
    rules = landlock.ruleset(view.grants(plan)) if plan.landlock else -1
    if plan.uid is not None:
        identity.assume(plan.uid)
    for limit, wanted in _rlimits(plan).items():
        most = resource.getrlimit(limit)[1]
        soft, hard = (min(value, most) if most >= 0 else value for value in wanted)
        resource.setrlimit(limit, (soft, hard))
    os.nice(NICENESS)
    os.umask(0o077)
    if plan.uid is None and os.geteuid() == 0:
        kernel.drop_capabilities()
    kernel.prctl(kernel.NO_NEW_PRIVS, 1)
    if supervisor:
        # Not before the user changes, which clears it. In a namespace its first process has it.
        kernel.prctl(kernel.PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(REFUSED)
    # Held open so that the kernel keeps this very inode, on which the rule for /proc/self lies.
    home = os.open("/proc/self", os.O_PATH | os.O_CLOEXEC)
    os.set_inheritable(home, True)
    _close_all_but({0, 1, 2, complaints, home, rules})
    os.set_inheritable(complaints, False)
    if plan.landlock:
        landlock.restrict(rules)
        os.close(rules)
    if plan.seccomp:
        seccomp.install(seccomp.program())
    os.execve(plan.argv[0], plan.argv, environment(plan))  # noqa: S606  # no shell is the point


def environment(plan: Plan) -> dict[str, str]:
    """Return the variables of the job, built from nothing: ours may carry secrets."""
    threads = str(plan.limits.threads)
    scratch = f"{plan.job}/{folder.FOLDERS[1]}"
    return {
        "PATH": f"{os.path.dirname(plan.argv[0])}:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        # Without a name getpass would look for one in /etc/passwd, which is out of reach.
        "USER": "job",
        "LOGNAME": "job",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HUB_OFFLINE": "1",
        **SILENT,
        **plan.environment,
    }


def _enter_namespace(plan: Plan, complaints: int) -> None:
    memory = os.memfd_create("plan", 0)
    os.write(memory, plan.to_json().encode())
    os.lseek(memory, 0, os.SEEK_SET)
    os.set_inheritable(complaints, True)
    python = [sys.executable, "-I", "-S", ENTRY, "stage", str(memory), str(complaints)]
    wrapped = namespace.command(plan, python)
    os.execve(wrapped[0], wrapped, {"PATH": "/usr/bin:/bin"})  # noqa: S606  # no shell is the point


def _be_first_to_go() -> None:
    """Offer the job, rather than the server, when the whole machine is out of memory."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as stream:
            stream.write("1000")
    except OSError:
        pass


def _rlimits(plan: Plan) -> dict[int, tuple[int, int]]:
    limits = plan.limits
    cpu = int(limits.seconds) * (os.cpu_count() or 1) + CPU_SLACK
    data = limits.memory + DATA_SLACK
    return {
        resource.RLIMIT_DATA: (data, data),
        resource.RLIMIT_CPU: (cpu, cpu + 5),
        resource.RLIMIT_FSIZE: (limits.file_size, limits.file_size),
        resource.RLIMIT_NPROC: (plan.tasks, plan.tasks),
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
        resource.RLIMIT_STACK: STACK,
        resource.RLIMIT_MEMLOCK: (LOCKED_MEMORY, LOCKED_MEMORY),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
    }


def _close_all_but(kept: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:  # the descriptor of this very listing
                continue

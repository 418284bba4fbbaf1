"""Attempts on other processes, on users and privileges, and on the limits.

VICTIM is a process of the service's user outside of the sandbox; ADDRESS is where its memory
holds eight known bytes.
"""

from __future__ import annotations

from row import rows

PROCESSES = [
    *rows(
        "landlock user",
        {
            "signal": "os.kill(VICTIM, signal.SIGCONT)",
            "signal-by-descriptor": "signal.pidfd_send_signal(os.pidfd_open(VICTIM), 18)",
            "signal-by-queue": "call('rt_sigqueueinfo', VICTIM, 18, info(18))",
            "signal-the-supervisor": "os.kill(above(), signal.SIGCONT)",
        },
    ),
    *rows(
        "landlock seccomp user privileges",
        {
            "trace": "call('ptrace', 0x4206, VICTIM, 0, 0)",
            "read-memory": "check(moved('process_vm_readv') == 8)",
            "write-memory": "check(moved('process_vm_writev') == 8)",
            "steal-a-descriptor": "call('pidfd_getfd', os.pidfd_open(VICTIM), 1, 0)",
            "compare-descriptors": "call('kcmp', os.getpid(), VICTIM, 0, 1, 1)",
        },
    ),
    *rows(
        "seccomp user privileges",
        {
            "lower-its-priority": "os.setpriority(os.PRIO_PROCESS, VICTIM, 19)",
            "pin-it-to-a-core": "core = {max(os.sched_getaffinity(0))};"
            " os.sched_setaffinity(VICTIM, core); check(os.sched_getaffinity(VICTIM) == core)",
            "make-it-idle": "os.sched_setscheduler(VICTIM, os.SCHED_IDLE, os.sched_param(0))",
            # Not as root: it would be every process of the machine.
            "lower-a-users-priority": "check(os.getuid()); os.setpriority(os.PRIO_USER, 0, 19);"
            " check(os.getpriority(os.PRIO_PROCESS, VICTIM) == 19)",
            "make-its-input-idle": "call('ioprio_set', 1, VICTIM, 3 << 13)",
        },
    ),
    *rows(
        "seccomp user",
        {"lower-its-limits": "resource.prlimit(VICTIM, resource.RLIMIT_CORE, (0, 0))"},
    ),
    *rows(
        "user privileges",
        {
            "become-another-user": "os.setresuid(65533, 65533, 65533)",
            "become-another-group": "os.setresgid(65533, 65533, 65533)",
            "join-a-group": "os.setgroups([0, 4])",
            "regain-capabilities": "regain()",
            "raise-a-limit": "resource.setrlimit(resource.RLIMIT_MSGQUEUE, (1 << 30, 1 << 30))",
            "raise-the-priority": "os.setpriority(os.PRIO_PROCESS, 0, -10)",
            "real-time-priority": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        },
        root=True,
    ),
    *rows(
        "no-new-privileges",
        {"run-a-set-user-id-program": "check(output([ROOTLY, '-u']) == b'0' and os.getuid())"},
        root=True,
    ),
    *rows("descriptors", {"use-an-open-file": "check(inherited())"}),
    *rows("environment", {"read-the-servers-variables": "os.environ['MODELPORT_SECRET']"}),
]

NAMESPACES = [
    *rows(
        "seccomp",
        {
            "user-namespace": "call('unshare', 0x10000000)",
            "user-namespace-by-clone": "cloned('clone')",
            "user-namespace-by-clone3": "cloned('clone3')",
        },
    ),
    *rows(
        "seccomp user privileges",
        {
            "network-namespace": "call('unshare', 0x40000000)",
            "mount-namespace": "call('unshare', 0x00020000)",
        },
        root=True,
    ),
    *rows(
        "landlock seccomp user privileges",
        {"enter-a-servers-namespaces": "call('setns', os.pidfd_open(VICTIM), 0x04000000)"},
        root=True,
    ),
]

LIMITS = [
    *rows(
        "rlimits",
        {
            "open-too-many-files": "upmost(resource.RLIMIT_NOFILE);"
            " kept = [os.open('/dev/null', 0) for _ in range(4200)]",
            "write-too-large-a-file": "signal.signal(25, signal.SIG_IGN);"
            " open('out/large', 'wb').write(bytes(40 << 20))",
            "reserve-too-much-memory": "mmap.mmap(-1, 3 << 30, mmap.MAP_PRIVATE)",
            "lock-memory": "upmost(resource.RLIMIT_MEMLOCK); m = mmap.mmap(-1, 1 << 20);"
            " call('mlock', ctypes.addressof(ctypes.c_char.from_buffer(m)), 1 << 20)",
            "leave-a-core-file": "upmost(resource.RLIMIT_CORE);"
            " check(resource.getrlimit(resource.RLIMIT_CORE)[0])",
        },
    ),
    *rows("landlock seccomp rlimits", {"message-queue": "queue()"}),
]

"""Attempts on the kernel: parts of it that a conversion has no use for."""

from __future__ import annotations

from row import rows

KERNEL = [
    *rows(
        "seccomp",
        {
            "io-uring": "call('io_uring_setup', 4, ctypes.create_string_buffer(200))",
            "userfaultfd": "call('userfaultfd', 1)",
            "performance-counter": "call('perf_event_open', counter(), 0, -1, -1, 0)",
            "add-a-key": "call('add_key', b'user', b'modelport', b'x', 1, -2)",
            "keyring": "call('keyctl', 0, -2, 1)",
            "uncounted-memory": "os.memfd_create('x')",
            "secret-memory": "call('memfd_secret', 0)",
            "system-v-memory": "removed('shmget', 'shmctl', 0, 1 << 20, 0o1600)",
            "system-v-semaphore": "removed('semget', 'semctl', 0, 1, 0o1600)",
            "system-v-queue": "removed('msgget', 'msgctl', 0, 0o1600)",
            "reserve-disk": "f = os.open('out/r', os.O_CREAT | os.O_RDWR);"
            " call('fallocate', f, 0, 0, 1 << 20)",
            "no-random-addresses": "call('personality', 0x0040000)",
            "quota": "call('quotactl', 0x800001 << 8, 0, 0, 0)",
            "advise-a-process": "advise()",
        },
    ),
    *rows(
        "landlock seccomp user privileges",
        {
            "mount": "os.mkdir('tmp/m');"
            " call('mount', b'x', b'tmp/m', b'tmpfs', 0, 0); call('umount2', b'tmp/m', 2)",
            "unmount": "call('umount2', MOUNTED.encode(), 2)",
        },
        root=True,
    ),
    *rows(
        "seccomp user privileges",
        {
            "change-root": "os.chroot('.')",
            "open-a-filesystem": "call('fsopen', b'tmpfs', 0)",
            "clone-a-mount": "call('open_tree', -100, b'/', 1)",
            "bpf": "call('bpf', 0, bpf_map(), 72)",
            "kernel-log": "call('syslog', 9, 0, 0)",
            "set-the-clock": "time.clock_settime(0, time.time())",
            "set-the-host-name": "socket.sethostname(socket.gethostname())",
            "set-the-domain-name": "call('setdomainname', b'(none)', 6)",
            "hardware-ports": "call('iopl', 3)",
            "hardware-port": "call('ioperm', 0x80, 1, 1)",
            "process-accounting": "call('acct', 0)",
        },
        root=True,
    ),
]

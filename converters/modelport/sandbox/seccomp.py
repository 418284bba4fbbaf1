"""seccomp: a filter on system calls, assembled here as classic BPF, so that no library is needed.

It closes what Landlock leaves open: sockets of every family, io_uring, ptrace, namespaces,
memory that no limit counts, links, and changes to the metadata of files.
Source: include/uapi/linux/seccomp.h, Documentation/userspace-api/seccomp_filter.rst; the numbers
are those of arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Mapping

from modelport.sandbox import kernel
from modelport.sandbox.syscalls import AUDIT, NUMBERS

ALLOW = 0x7FFF0000
KILL = 0x80000000
ERRNO = 0x00050000
MODE_FILTER = 2

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
FIRST, SECOND = 16, 24  # low halves of the first two arguments
X32 = 0x40000000
NEW_NAMESPACE = 0x7E020000  # CLONE_NEW* flags of clone(2)

Instruction = tuple[int, int, int, int]

# Answers other than EPERM.
ANSWERS: dict[str, int] = {
    # ENOSYS makes glibc fall back to clone, whose flags a filter can read.
    "clone3": errno.ENOSYS,
    "memfd_create": errno.ENOSYS,
    "memfd_secret": errno.ENOSYS,
    # Reserves any amount of disk faster than usage can be polled.
    "fallocate": errno.EOPNOTSUPP,
    "setxattr": errno.EOPNOTSUPP,
    "lsetxattr": errno.EOPNOTSUPP,
    "fsetxattr": errno.EOPNOTSUPP,
    "setxattrat": errno.EOPNOTSUPP,
    # Landlock does not cover metadata. 0 claims success, so that shutil.copy goes on.
    **dict.fromkeys(
        ("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"), 0
    ),
    **dict.fromkeys(("utime", "utimes", "futimesat", "utimensat"), 0),
}

# Allowed on the caller itself only: offsets of what must be 0, and the answer for others.
# setpriority's first argument says what its second numbers; 0 is a process, 2 a whole user.
ON_SELF: dict[str, tuple[tuple[int, ...], int]] = {
    "prlimit64": ((FIRST,), errno.EPERM),
    "sched_setaffinity": ((FIRST,), 0),
    "sched_setattr": ((FIRST,), errno.EPERM),
    "sched_setparam": ((FIRST,), errno.EPERM),
    "sched_setscheduler": ((FIRST,), errno.EPERM),
    "setpriority": ((FIRST, SECOND), errno.EPERM),
}


def program(machine: str = "") -> bytes:
    """Return the filter of a job as the kernel wants it, for ``machine`` or this one.

    Raises:
        OSError: The machine has no table here.
    """
    machine = machine or os.uname().machine
    if machine not in NUMBERS:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}")
    return _assembled(machine, _rules(NUMBERS[machine]))


def denial(answers: Mapping[int, int]) -> bytes:
    """Return a filter that answers each system call of ``answers`` with its error code."""
    rules = [
        rule
        for number, code in answers.items()
        for rule in ((EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | code))
    ]
    return _assembled(os.uname().machine, iter(rules))


def install(code: bytes) -> None:
    """Put this thread, and all it starts from now on, under the filter ``code``.

    Raises:
        OSError: NO_NEW_PRIVS is not set, or the kernel has no seccomp.
    """
    body = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(code) // 8, ctypes.addressof(body))
    kernel.prctl(kernel.SECCOMP, MODE_FILTER, head)


def _assembled(machine: str, rules: Iterator[Instruction]) -> bytes:
    steps: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, AUDIT[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        # The x32 calls are the same kernel under other numbers.
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, ERRNO | errno.EPERM),
        *rules,
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _rules(numbers: Mapping[str, int]) -> Iterator[Instruction]:
    for name, number in numbers.items():
        if name == "clone":
            yield (EQUAL, 0, 4, number)
            yield (LOAD, 0, 0, FIRST)
            yield (ANY_BIT, 0, 1, NEW_NAMESPACE)
            yield (RETURN, 0, 0, ERRNO | errno.EPERM)
            yield (RETURN, 0, 0, ALLOW)
        elif name in ON_SELF:
            offsets, code = ON_SELF[name]
            yield (EQUAL, 0, 3 * len(offsets) + 1, number)
            for offset in offsets:
                yield (LOAD, 0, 0, offset)
                yield (EQUAL, 1, 0, 0)
                yield (RETURN, 0, 0, ERRNO | code)
            yield (RETURN, 0, 0, ALLOW)
        else:
            yield (EQUAL, 0, 1, number)
            yield (RETURN, 0, 0, ERRNO | ANSWERS.get(name, errno.EPERM))

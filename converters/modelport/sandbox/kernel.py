"""The two doors to the kernel that the standard library leaves shut: ``syscall`` and ``prctl``."""

from __future__ import annotations

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)

# Source: include/uapi/linux/prctl.h.
PDEATHSIG = 1
DUMPABLE = 4
SECCOMP = 22
CAPBSET_DROP = 24
SUBREAPER = 36
NO_NEW_PRIVS = 38
CAP_AMBIENT = 47
CAP_AMBIENT_CLEAR_ALL = 4

CAPSET = {"x86_64": 126, "aarch64": 91}
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 63


def syscall(number: int, *args: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Return what system call ``number`` answers.

    Raises:
        OSError: It answered with an error.
    """
    return _answer(LIBC.syscall(ctypes.c_long(number), *map(_wide, args)))


def prctl(option: int, *args: int | bytes) -> int:
    """Return what ``prctl(option, ...)`` answers; arguments left out are 0.

    Raises:
        OSError: It answered with an error.
    """
    filled = [*args, 0, 0, 0, 0][:4]
    return _answer(LIBC.prctl(ctypes.c_int(option), *map(_wide, filled)))


def drop_capabilities() -> None:
    """Leave this thread without any capability, and without a way to regain one.

    Without CAP_DAC_OVERRIDE even root obeys file modes, which keeps ``in/`` read-only.
    """
    for capability in range(LAST_CAPABILITY + 1):
        try:
            prctl(CAPBSET_DROP, capability)
        except OSError:  # the kernel knows fewer, or we may not: the calls below settle it
            break
    prctl(CAP_AMBIENT, CAP_AMBIENT_CLEAR_ALL)
    header = CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4)
    syscall(CAPSET[os.uname().machine], header, bytes(24))


def _wide(value: object) -> object:
    # ctypes passes a plain int as 32 bits, and the upper half of the register is then garbage.
    return ctypes.c_ulong(value) if isinstance(value, int) else value


def _answer(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result

"""Landlock: the kernel's list of files that a process and its children may touch.

Source: include/uapi/linux/landlock.h and Documentation/userspace-api/landlock.rst, ABI 1 to 7.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from modelport.sandbox import kernel

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1
QUERY_VERSION = 1

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
REMOVE_DIR = 1 << 4
REMOVE_FILE = 1 << 5
MAKE_DIR = 1 << 7
MAKE_REG = 1 << 8
REFER = 1 << 13
TRUNCATE = 1 << 14
IOCTL_DEV = 1 << 15

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
# A folder of the job's own. No MAKE_SYM, MAKE_FIFO or MAKE_SOCK: a link `out/model -> /etc/shadow`
# would make the server, which may read that file, hand it out. No EXECUTE either.
OWN = READ | WRITE_FILE | TRUNCATE | MAKE_DIR | MAKE_REG | REMOVE_DIR | REMOVE_FILE | REFER

# Rights that exist on a file; add_rule refuses the others on one.
ON_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

FIRST_RIGHTS = (1 << 13) - 1  # every right that ABI 1 had
# First ABI that handles it, for the rights that ABI 1 did not have.
SINCE = {REFER: 2, TRUNCATE: 3, IOCTL_DEV: 5}
ABI_NETWORK = 4
ABI_SCOPE = 6
TCP = 0b11  # bind, connect
SCOPES = 0b11  # abstract unix sockets, signals

GAPS = (
    (3, "Landlock is older than ABI 3: truncation is not covered by it"),
    (ABI_SCOPE, "Landlock is older than ABI 6: a job may signal processes of its own user"),
)


def abi() -> int:
    """Return the version the kernel speaks, 0 where it speaks none."""
    try:
        return kernel.syscall(CREATE_RULESET, None, 0, QUERY_VERSION)
    except OSError:
        return 0


def gaps(version: int) -> list[str]:
    """Return a sentence for everything that ``version`` does not cover yet."""
    if not version:
        return ["Landlock is missing: files are not restricted by the kernel's own list"]
    return [sentence for since, sentence in GAPS if version < since]


def ruleset(grants: Iterable[tuple[str, int]]) -> int:
    """Return a descriptor of the rule set that allows ``grants`` (path, rights) and no more.

    Paths that do not exist are left out. All of TCP, abstract sockets and signals to
    processes outside are handled and never granted, where the kernel knows them.

    Raises:
        OSError: The kernel has no Landlock, or refuses a rule.
    """
    version = abi()
    handled = FIRST_RIGHTS
    for right, since in SINCE.items():
        handled |= right if version >= since else 0
    network = TCP if version >= ABI_NETWORK else 0
    scopes = SCOPES if version >= ABI_SCOPE else 0
    size = 24 if version >= ABI_SCOPE else 16 if version >= ABI_NETWORK else 8
    attributes = struct.pack("=QQQ", handled, network, scopes)[:size]
    rules = kernel.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    for path, rights in grants:
        _allow(rules, path, rights & handled)
    return rules


def restrict(rules: int) -> None:
    """Put this thread, and all it starts from now on, under ``rules``; there is no way back.

    Raises:
        OSError: NO_NEW_PRIVS is not set, or Landlock is off.
    """
    kernel.syscall(RESTRICT_SELF, rules, 0)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= ON_FILE
        kernel.syscall(ADD_RULE, rules, RULE_PATH_BENEATH, struct.pack("=Qi", rights, beneath), 0)
    finally:
        os.close(beneath)

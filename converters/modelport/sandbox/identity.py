"""User ids lent to jobs, one a job, where the service is root."""

from __future__ import annotations

import fcntl
import os
import pwd
import signal
from collections.abc import Iterable
from contextlib import suppress

FIRST, COUNT = 60100, 300
"""Between the range of ordinary users and that of ``nobody``; inside every container's map."""
LOCKS = "/run/modelport"


def lease() -> int | None:
    """Return a user id that is ours until this process ends, or None where none can be lent.

    It is held by a lock on one byte of a file, which the kernel gives up by itself. One that owns
    processes is left out: what they belong to may hold its lock elsewhere, in a container.
    """
    locks = _locks()
    if locks is None:
        return None
    uids = set(range(FIRST, FIRST + COUNT)) - _owners()
    return next((uid for uid in sorted(uids) if not _known(uid) and _locked(locks, uid)), None)


def abandoned() -> list[int]:
    """Return the user ids of ours that own processes though nobody holds their lock; we now do."""
    locks = _locks()
    if locks is None:
        return []
    ours = range(FIRST, FIRST + COUNT)
    return [uid for uid in _owners() if uid in ours and not _known(uid) and _locked(locks, uid)]


def assume(uid: int) -> None:
    """Become ``uid`` for good, in no other group than its own.

    Raises:
        OSError: We may not.
    """
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def unreachable(uid: int, paths: Iterable[str]) -> str:
    """Return the first of ``paths`` that ``uid`` cannot read, "" if it can read them all.

    Tried by a child that becomes ``uid``: mode bits alone do not tell (ACLs, other mounts).
    It first kills what a former holder of ``uid`` has left, since a lease ends with its holder.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            assume(uid)
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            missing = next((path for path in paths if not _readable(path)), "")
        except OSError:
            missing = "setresuid"
        os.write(write, os.fsencode(missing)[:4096])
        os._exit(0)
    os.close(write)
    answer = os.read(read, 4096)
    os.close(read)
    os.waitpid(child, 0)
    return os.fsdecode(answer)


def _owners() -> set[int]:
    """Return the users of all processes that we can see."""
    owners = set()
    for name in os.listdir("/proc"):
        try:
            owners.add(os.stat(f"/proc/{name}").st_uid if name.isdigit() else 0)
        except OSError:
            continue
    return owners


def _readable(path: str) -> bool:
    return os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0))


def _locks() -> int | None:
    if os.geteuid() != 0:
        return None
    try:
        os.makedirs(LOCKS, 0o700, exist_ok=True)
        return os.open(f"{LOCKS}/uids", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


def _locked(locks: int, uid: int) -> bool:
    try:
        fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, uid - FIRST)
    except OSError:
        return False
    return True


def _known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True

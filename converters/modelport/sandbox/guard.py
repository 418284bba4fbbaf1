"""Two processes a job that watch each other, so that no single kill leaves a job behind.

A supervisor that is killed with -9 cannot end its job, and without a namespace a process that has
left its session would live on. The guard, its parent, then inherits the orphans and ends them. A
guard that is killed is noticed by the supervisor, which ends the job and itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from modelport.sandbox import kernel, process_tree

FAILED = 1


def guarded(work: Callable[[], None]) -> None:
    """Do ``work`` in a child; where that ends badly, kill everything below this process."""
    # The supervisor is one too, and nearer: orphans come here only after its death.
    kernel.prctl(kernel.SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        _do(work)
    _, status = os.waitpid(child, 0)
    if status:
        process_tree.kill(os.getpid(), None, ())


def _do(work: Callable[[], None]) -> None:
    """Do ``work`` and end this process; a fork must never run on into its parent's code."""
    code = FAILED
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001  # told on standard error, and by the status
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(code)

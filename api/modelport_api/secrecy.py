"""Keeps what the operator entrusts to the service from what the service starts.

A conversion is given its settings and nothing else: no key, no address of a database with its
password, no credentials of a store. What must stay in the memory or the variables of the
service's own processes, the kernel closes to others of the same user.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping

from modelport.sandbox import kernel

PASSED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|XDG_\w+|VIRTUAL_ENV|PYTHON\w+|PYENV_ROOT"
    r"|MODELPORT_\w+"
)
SECRET = re.compile(r"KEY|SECRET|TOKEN|PASS|CREDENTIAL|URL|DSN")


def handed_on(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return those of ``variables`` that a conversion may have: a list of names, not of secrets."""
    return {
        name: value
        for name, value in variables.items()
        if PASSED.fullmatch(name) and not (name.startswith("MODELPORT_") and SECRET.search(name))
    }


def withdraw() -> None:
    """Close this process to others of its user: its variables, memory and open files.

    A program that it starts is open again, and has only what it is given.
    """
    with contextlib.suppress(OSError):  # one layer of several; a kernel without it has the rest
        kernel.prctl(kernel.DUMPABLE, 0)

"""The sandbox's own entry with some layers left out, for the proof that each of them matters.

``python -I -S without.py ENTRY LAYERS``: ``entry.py supervise``, except that each of LAYERS
(comma-separated) does nothing. The service has no such switch: the layers are taken out of the
loaded modules here. Landlock, seccomp, bubblewrap and the user are members of a plan, and
need none. Not with bubblewrap, inside which the entry is started anew.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path


def leave_out(layers):
    """Replace the functions behind ``layers`` by ones that do nothing."""
    from modelport.sandbox import folder, kernel, stage  # entry.py sets the path

    if "privileges" in layers:
        kernel.drop_capabilities = lambda: None
    if "no-new-privileges" in layers:
        plain, option = kernel.prctl, kernel.NO_NEW_PRIVS
        kernel.prctl = lambda asked, *args: 0 if asked == option else plain(asked, *args)
    if "modes" in layers:
        folder._sealed = lambda path: (path, Path(path).stat().st_mode & 0o7777)
    if "rlimits" in layers:
        stage._rlimits = lambda plan: {}
    if "environment" in layers:
        built = stage.environment
        stage.environment = lambda plan: {**os.environ, **built(plan)}
    if "descriptors" in layers:
        stage._close_all_but = lambda kept: None


if __name__ == "__main__":
    entry, named = sys.argv[1:3]
    doors = runpy.run_path(entry)  # sets the path; does nothing else unless it is main
    leave_out(set(named.split(",")))
    doors["supervise"]()

"""Where the sandbox's own processes begin: ``python -I -S entry.py supervise|stage|probe|sweep``.

Only the standard library is importable, and of the package only the modules asked for:
its ``__init__`` would bring the whole house along.
"""

# ruff: noqa: PLC0415  # the path must be set before anything of ours can be imported

from __future__ import annotations

import json
import os
import signal
import sys
import types
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
for name, place in (("modelport", os.path.dirname(HERE)), ("modelport.sandbox", HERE)):
    package = types.ModuleType(name)
    package.__path__ = [place]
    sys.modules[name] = package


def supervise() -> None:
    """Read a plan from the lifeline, run it, write the ending to standard output."""
    from modelport.sandbox import guard, plan, supervisor

    # The terminal's Ctrl-C is the server's business; it then lets go of the lifeline.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Unbuffered, and not a byte more: a cancel may stand behind the plan already, and the
    # supervisor has to find it in the pipe.
    with os.fdopen(os.dup(0), "rb", buffering=0) as lifeline:
        line = lifeline.readline()
    job = plan.from_json(line.decode())
    guard.guarded(lambda: _answer(supervisor.supervise(job)))
    os._exit(0)  # an interpreter that tidies up would keep the caller waiting


def _answer(ending: dict[str, Any]) -> None:
    os.write(1, json.dumps(ending).encode())


def stage() -> None:
    """Go on inside a namespace: the plan and the complaints come as descriptors."""
    from modelport.sandbox import plan, stage

    memory, complaints = int(sys.argv[2]), int(sys.argv[3])
    try:
        with os.fdopen(memory, "rb") as stream:
            text = stream.read().decode()
        stage.confine(plan.from_json(text), complaints)
    except BaseException as exc:
        os.write(complaints, f"{type(exc).__name__}: {exc}".encode())
        raise


def probe() -> None:
    """Sweep, and write what this machine offers to standard output."""
    from modelport.sandbox import probe

    probe.swept()
    os.write(1, json.dumps(probe.offers()).encode())


def sweep() -> None:
    """Remove what jobs whose supervisor is gone have left."""
    from modelport.sandbox import probe

    os.write(1, json.dumps(probe.swept()).encode())


if __name__ == "__main__":
    {"supervise": supervise, "stage": stage, "probe": probe, "sweep": sweep}[sys.argv[1]]()

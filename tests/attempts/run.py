"""Makes attempts in the sandbox, without some of its layers, and bare; prints what they met.

``python run.py < REQUESTS``: a JSON list of requests, each with ``names`` (of attempts) and
``mode``: ``full`` (by ``launch``), ``bare`` (no sandbox at all), or ``without``, with the
``layers`` to leave out. Prints a list of answers in the same order: ``outcomes`` (name to
``done`` or the error met), ``layers`` in force, ``degraded``. Standard library only, so
that any user and any container can run it: with the sources beside it, or an installed service.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
if (HERE.parent.parent / "converters").is_dir():
    sys.path.insert(0, str(HERE.parent.parent / "converters"))

from catalogue import ATTEMPTS  # noqa: E402  # after the path
from ground import ground, targets  # noqa: E402

from modelport.sandbox import Limits, launch, layers  # noqa: E402
from modelport.sandbox.layers import ENTRY  # noqa: E402
from modelport.sandbox.plan import Plan  # noqa: E402
from modelport.sandbox.syscalls import NUMBERS  # noqa: E402

MIB = 1 << 20
LIMITS = Limits(120.0, 512 * MIB, 256 * MIB, 1000, 64, 1, 32 * MIB)
SECRET = {"MODELPORT_SECRET": "secret"}
MORE_NUMBERS = {
    "x86_64": {
        "capset": 126,
        "memfd_secret": 447,
        "mlock": 149,
        "msgctl": 71,
        "name_to_handle_at": 303,
        "rt_sigqueueinfo": 129,
        "semctl": 66,
        "shmctl": 31,
    },
    "aarch64": {
        "capset": 91,
        "memfd_secret": 447,
        "mlock": 228,
        "msgctl": 187,
        "name_to_handle_at": 264,
        "rt_sigqueueinfo": 138,
        "semctl": 191,
        "shmctl": 195,
    },
}
"""Calls that the attempts need and the filter does not refuse. Source: as in syscalls.py."""


def main() -> None:
    """Answer every request on standard input."""
    requests = json.load(sys.stdin)
    base = Path(tempfile.mkdtemp(prefix="modelport-attempts-"))
    base.chmod(0o711)
    try:
        with ground(base) as names:
            answers = [
                _answer(base / str(number), names, request)
                for number, request in enumerate(requests)
            ]
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(json.dumps(answers))


def _answer(place: Path, names: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Make one request's attempts in a job folder below ``place``."""
    job = _job(place)
    with (
        targets(place, request["names"]) as (shared, own),
        (place / "open").open("w+b") as left_open,
        (place / "log").open("w+b") as log,
    ):
        left_open.write(b"of an open file")
        left_open.flush()
        os.set_inheritable(left_open.fileno(), True)
        task = {
            "names": {**names, **shared},
            "own": own,
            "numbers": NUMBERS[os.uname().machine] | MORE_NUMBERS[os.uname().machine],
            "attempts": {name: ATTEMPTS[name].code for name in request["names"]},
        }
        (job / "in" / "task.json").write_text(json.dumps(task))
        argv = [
            sys.executable,
            "-I",
            str(job / "code" / "inside.py"),
            str(job / "in" / "task.json"),
        ]
        made = {"full": _full, "bare": _bare, "without": _without}[request["mode"]]
        ending = made(argv, job, log, left_open.fileno(), request)
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
    try:
        outcomes = json.loads(said)
    except ValueError:
        raise SystemExit(f"{request['mode']}: {ending}\n{said[-2000:]}") from None
    return {"outcomes": outcomes, **ending}


def _job(place: Path) -> Path:
    job = place / "job"
    for name in ("in", "code", "cases", "out", "tmp"):
        (job / name).mkdir(parents=True)
    place.chmod(0o777)
    for name in ("model", "deleted", "renamed", "moved"):
        (job / "in" / name).write_text("model")
    (job / "code" / "plugin.py").write_text("")
    (job / "request.json").write_text("{}")
    shutil.copy(HERE / "inside.py", job / "code")
    return job


def _full(argv: list[str], job: Path, log: Any, _: int, __: Any) -> dict[str, Any]:
    ending = launch(argv, job=job, readable=[], limits=LIMITS, log=log)
    fields = {"status": ending.status, "code": ending.code, "leftover": ending.leftover}
    return {**fields, "layers": dict(ending.layers), "degraded": list(ending.degraded)}


def _bare(argv: list[str], job: Path, log: Any, left_open: int, _: Any) -> dict[str, Any]:
    kept = {"cwd": job, "stdin": subprocess.DEVNULL, "pass_fds": (left_open,)}
    env = {**os.environ, **SECRET}
    done = subprocess.run(argv, stdout=log, stderr=log, env=env, check=False, **kept)
    return {"status": "exit", "code": done.returncode, "layers": {}, "degraded": ["no sandbox"]}


def _without(
    argv: list[str], job: Path, log: Any, left_open: int, request: dict[str, Any]
) -> dict[str, Any]:
    """Run the supervisor with layers left out, as ``launch`` would run it with all of them."""
    out = set(request["layers"])
    if "no-new-privileges" in out:
        out |= {"landlock", "seccomp"}  # both need it
    plan = Plan(tuple(argv), str(job.resolve()), (), LIMITS, {}, **layers().in_force)
    plan = replace(
        plan,
        landlock=0 if "landlock" in out else plan.landlock,
        seccomp=plan.seccomp and "seccomp" not in out,
        identities=plan.identities and "user" not in out,
        bubblewrap="" if "bubblewrap" in out else plan.bubblewrap,
    )
    rest = out - {"landlock", "seccomp", "user", "bubblewrap"}
    words = [str(HERE / "without.py"), str(ENTRY), ",".join(rest)] if rest else [ENTRY, "supervise"]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,
        pass_fds=(left_open,),
        env=SECRET,
    )
    with process:
        process.stdin.write(plan.to_json().encode() + b"\n")
        process.stdin.flush()
        said = process.stdout.read()
    if not said:
        log.seek(0)
        raise SystemExit(f"no answer with {request}: {log.read().decode()[-2000:]}")
    ending = json.loads(said)
    in_force = {"bubblewrap": plan.bubblewrap, **ending["layers"]}
    return {**ending, "layers": in_force}


if __name__ == "__main__":
    main()

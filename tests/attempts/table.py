"""Makes every attempt everywhere and writes docs/security-attempts.md.

``python tests/attempts/table.py``, as root. Columns: root and an ordinary user on this machine,
root with bubblewrap, and the image of MODELPORT_IMAGE run by MODELPORT_ENGINE as root and as its
own user (options of ``run`` in MODELPORT_ENGINE_RUN). What cannot be run here is left out.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from catalogue import AREAS, ATTEMPTS  # noqa: E402  # after the path

SYSTEM = "/usr/bin/python3"
USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
Answer = dict[str, Any]

HEAD = """# What blocked what

Written by `python tests/attempts/table.py`. Each line is one thing that a hostile model may try,
made for real inside the sandbox; `tests/attempts/` has the code of each. An entry is the error
that it met: `no effect` where the call claims success and changes nothing, `SIGSYS` where the
process was killed, `done` where it succeeded.

*refused by* names every layer that refuses the attempt **by itself**. A test
(`tests/contract/test_sandbox_attempts.py`) leaves out exactly these, and the attempt must succeed;
then it leaves out all but one of them, and it must be refused again. *user* is the job's own
user id, which only a service of root can lend; *privileges* are capabilities given up; *modes*
are folders without write permission. Bubblewrap hides what is outside in its own way and is not
counted there. *without them* says as whom it then succeeds: `-` where this machine or its kernel
refuses it anyway, so that it proves nothing here.
"""


def main() -> None:
    """Run what can be run here and write the page."""
    full = {"mode": "full", "names": list(ATTEMPTS)}
    columns = {title: _asked(command, path, [full])[0] for title, command, path in _places()}
    free = {who: _free(command) for who, command in _persons().items()}
    heads = ["attempt", "refused by", *columns, "without them"]
    lines = [HEAD, *_state(columns), ""]
    for area, attempts in AREAS.items():
        lines += [f"## {area.capitalize()}", "", _row(heads), "|---" * len(heads) + "|"]
        for row in attempts:
            met = [_word(answer["outcomes"][row.name]) for answer in columns.values()]
            able = [who for who, names in free.items() if row.name in names]
            lines.append(_row([row.name, ", ".join(row.layers), *met, ", ".join(able) or "-"]))
        lines.append("")
    (ROOT / "docs" / "security-attempts.md").write_text("\n".join(lines), "utf-8")


def _persons() -> dict[str, list[str]]:
    run = [SYSTEM, "-B", str(HERE / "run.py")]
    return {"root": run, "user": [*USER, *run]}


def _places() -> Iterator[tuple[str, list[str], str]]:
    """Yield title, command and PATH of every column."""
    for who, command in _persons().items():
        yield who, command, ""  # where no bubblewrap is found
    path = os.environ["PATH"]
    if shutil.which("bwrap"):
        yield "root, bubblewrap", _persons()["root"], path
        yield "user, bubblewrap", _persons()["user"], path
    image = os.environ.get("MODELPORT_IMAGE")
    if image:
        engine = shlex.split(os.environ.get("MODELPORT_ENGINE", "docker"))
        more = shlex.split(os.environ.get("MODELPORT_ENGINE_RUN", ""))
        for title, user in (("container root", ["--user", "0"]), ("container user", [])):
            mount = ["-v", f"{HERE}:/attempts:ro", "--entrypoint", "python"]
            run = ["run", "--rm", "-i", *more, *user, *mount, image, "/attempts/run.py"]
            yield title, [*engine, *run], path


def _asked(command: list[str], path: str, requests: list[Answer]) -> list[Answer]:
    done = subprocess.run(
        [shutil.which(command[0]) or command[0], *command[1:]],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path or "/nonexistent"},
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    answers: list[Answer] = json.loads(done.stdout)
    return answers


def _free(command: list[str]) -> set[str]:
    """Return the attempts that succeed without the layers that refuse them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, row in ATTEMPTS.items():
        groups.setdefault(row.layers, []).append(name)
    requests = [
        {"mode": "without", "layers": ["bubblewrap", *layers], "names": names}
        for layers, names in groups.items()
    ]
    answers = _asked(command, os.environ["PATH"], requests)
    return {name for answer in answers for name, met in answer["outcomes"].items() if met == "done"}


def _state(columns: dict[str, Answer]) -> Iterator[str]:
    yield f"Linux {platform.release()}, {platform.machine()}. {len(ATTEMPTS)} attempts."
    yield ""
    for title, answer in columns.items():
        layers = answer["layers"]
        force = [f"Landlock {layers['landlock']}"] if layers["landlock"] else []
        force += [name for name in ("seccomp", "bubblewrap") if layers[name]]
        force += ["own user"] if layers["uid"] is not None else []
        force += ["control groups"] if layers["cgroups"] else []
        refused = sum(met != "done" for met in answer["outcomes"].values())
        yield f"* **{title}**: {', '.join(force)}. {refused} of {len(ATTEMPTS)} refused."


def _word(met: str) -> str:
    return {"Pretended": "no effect", "KeyError": "not there", "ValueError": "EPERM"}.get(met, met)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

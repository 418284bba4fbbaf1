"""Runs one attempt: ``python -m modelport_api.jobs.runner FOLDER``.

Reads ``request.json``, prints progress as JSON lines, leaves ``result/`` and, last,
``outcome.json``. A process of its own, so that a cancel can kill it and everything below
it, and so that a conversion's memory is never the worker's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from modelport import engine, report
from modelport.errors import DiskFull, ModelportError
from modelport.model import Verdict
from modelport_api import secrecy
from modelport_api.house import open_house
from modelport_api.settings import Settings

Json = dict[str, Any]
OWN = ("report.json", "report.html", "logs")  # what in a result is no artefact


def main() -> None:
    """Run the attempt in the folder given as the only argument."""
    secrecy.withdraw()
    folder = Path(sys.argv[1])
    progress = _own_stdout()
    cancel = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        cancel.set()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=_lifeline, daemon=True).start()
    outcome = run(folder, progress, cancel)
    part = folder / "outcome.json.part"
    part.write_text(json.dumps(outcome), encoding="utf-8")
    part.replace(folder / "outcome.json")


def run(folder: Path, progress: TextIO, cancel: threading.Event) -> Json:
    """Convert what ``folder/request.json`` says and return the outcome."""
    wish = json.loads((folder / "request.json").read_text(encoding="utf-8"))

    def observe(stage: str, fraction: float, detail: str) -> None:
        line = {"stage": stage, "fraction": fraction, "detail": detail}
        progress.write(json.dumps(line) + "\n")
        progress.flush()

    result, work = folder / "result", folder / "work"
    work.mkdir()
    try:
        done = engine.convert(_request(wish), work, open_house(Settings()), observe, cancel)
        done.folder.replace(result)
        verdict = done.verdict
        problem = _unproven(verdict, done.report) if wish["require_verified"] else None
        return {
            "verdict": str(verdict),
            "reason": done.report.get("reason", ""),
            "problem": problem,
            "steps": _steps(done.report),
            "artifacts": [] if problem else _artifacts(result),
        }
    except ModelportError as error:
        _keep_report(error.report, work, result)
        reason = error.report.get("reason", "")
        return {"problem": error.to_json(), "reason": reason, "steps": _steps(error.report)}
    except OSError as error:
        if error.errno not in (28, 122):  # no space, quota exceeded
            raise
        full = DiskFull("the disk is full", hint="Ask the operator for more disk, then try again.")
        return {"problem": full.to_json()}
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _request(wish: Mapping[str, Any]) -> engine.Request:
    return engine.Request(
        files=tuple(Path(file) for file in wish["files"]),
        target=wish["target"],
        source=wish["source"],
        options=wish["options"],
        shapes={name: tuple(shape) for name, shape in wish["shapes"].items()},
        inputs=Path(wish["inputs"]) if wish["inputs"] else None,
        calibration=Path(wish["calibration"]) if wish.get("calibration") else None,
        seed=wish["seed"],
        using=tuple(wish.get("using", ())),
    )


def _unproven(verdict: Verdict, report: Json) -> Json | None:
    if verdict is Verdict.VERIFIED:
        return None
    return {
        "code": "not-verified",
        "title": "Not verified",
        "detail": f"the verdict is {verdict}, and verified was required: {report.get('reason')}",
        "hint": "Read the report, or convert again without requiring it.",
        "step": "verify",
        "operators": {},
        "retry": False,
    }


def _steps(told: Json) -> list[Json]:
    """Return what each converter took, of every candidate that was tried."""
    steps = [step for attempt in told.get("attempts", []) for step in attempt.get("steps", [])]
    return [{"converter": step["converter"], "seconds": step["seconds"]} for step in steps]


def _keep_report(told: Json, work: Path, result: Path) -> None:
    """Keep the report of what was tried, and the logs, of a conversion that failed."""
    result.mkdir()
    if told:
        report.write_json(told, result / "report.json")
        report.write_html(told, result / "report.html")
    if (work / "logs").is_dir():
        shutil.copytree(work / "logs", result / "logs")


def _artifacts(result: Path) -> list[Json]:
    entries = []
    for path in sorted(result.rglob("*")):
        name = path.relative_to(result).as_posix()
        if path.is_file() and name.partition("/")[0] not in OWN:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            entries.append({"name": name, "size": path.stat().st_size, "sha256": digest})
    return entries


def _own_stdout() -> TextIO:
    """Return a stream on our standard output that no tool can print into."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "w", encoding="utf-8")


def _lifeline() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()

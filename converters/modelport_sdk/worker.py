"""Runs one plugin in its own interpreter: ``python -I -B code/modelport_sdk/worker.py JOB``.

Reads ``JOB/request.json``, writes ``progress.jsonl`` while it works and ``result.json``
when it is done; docs/protocol.md describes the files. Exit status 0 means that
``result.json`` was written, whatever it says; any other status means that the worker
died, and the core says so.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, List


def main(job: Path) -> None:
    """Serve the one request in ``job``."""
    from modelport_sdk import PROTOCOL, Context, PluginError, first_line

    request = json.loads((job / "request.json").read_text("utf-8"))
    if request["protocol"] != PROTOCOL:
        sys.exit("protocol %s asked, %s spoken" % (request["protocol"], PROTOCOL))
    start = time.monotonic()
    ctx = Context(job, request)
    result: Dict[str, Any] = {"protocol": PROTOCOL, "ok": False}
    try:
        module, _, name = request["plugin"].partition(":")
        plugin = getattr(importlib.import_module(module), name)
        result.update(SERVE[request["kind"]](plugin, job, request, ctx), ok=True)
    except PluginError as exc:
        result.update(error=exc.to_json())
        traceback.print_exc()
    except MemoryError:
        raise
    except Exception as exc:  # the one catch-all: every undeclared error is a plugin's bug
        message = "%s: %s" % (type(exc).__name__, first_line(exc))
        result.update(error={"code": "plugin-bug", "message": message, "hint": "", "operators": {}})
        traceback.print_exc()
    result.update(notes=ctx.notes, seconds=round(time.monotonic() - start, 3))
    part = job / "result.json.part"
    part.write_text(json.dumps(result), "utf-8")
    part.replace(job / "result.json")


def convert(plugin: Any, job: Path, request: Dict[str, Any], ctx: Any) -> Dict[str, Any]:
    """Run a Converter; the answer lists the files, the I/O mapping and the precision."""
    from modelport_sdk.options import build

    out = job / "out"
    plugin.convert(job / request["source"], out, build(plugin.options, request["options"]), ctx)
    files = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    io = {"inputs": ctx.inputs, "outputs": ctx.outputs}
    return {"files": files, "io": io, "precision": ctx.precision, "versions": versions(request)}


def inspect(plugin: Any, job: Path, request: Dict[str, Any], ctx: Any) -> Dict[str, Any]:
    """Run an Inspector; the answer carries its description."""
    return {"description": dict(plugin.inspect(job / request["source"], ctx))}


def run(plugin: Any, job: Path, request: Dict[str, Any], ctx: Any) -> Dict[str, Any]:
    """Run a Runtime: each variant is loaded once and given each of its cases.

    ``request["runs"]`` is a list of ``{"variant", "cases"}``; case ``c`` is read from
    ``JOB/cases/c.npz``, and its outputs go to ``out/<index of the run>/c.npz``.
    What fails in one variant or one case is recorded there and stops no other.
    """
    from modelport_sdk import PluginError, first_line

    answers = []
    for index, asked in enumerate(request["runs"]):
        begin = time.monotonic()
        answer: Dict[str, Any] = {"variant": asked["variant"], "error": "", "cases": []}
        answers.append(answer)
        try:
            session = plugin.load(job / request["source"], asked["variant"], ctx)
        except LookupError as exc:
            answer.update(error="no such variant: %s" % first_line(exc))
            continue
        except PluginError as exc:
            answer.update(error=first_line(exc), refusal=exc.to_json())
            traceback.print_exc()
            continue
        except Exception as exc:
            answer.update(error="%s: %s" % (type(exc).__name__, first_line(exc)))
            traceback.print_exc()
            continue
        answer["load_seconds"] = round(time.monotonic() - begin, 3)
        folder = job / "out" / str(index)
        folder.mkdir(parents=True)
        for case in asked["cases"]:
            answer["cases"].append(_run_case(session, job, folder, case))
        del session
        ctx.progress("run", (index + 1) / len(request["runs"]))
    return {"runs": answers, "versions": versions(request)}


def _run_case(session: Callable[[Any], Any], job: Path, folder: Path, case: str) -> Dict[str, Any]:
    from modelport_sdk import first_line, tensors

    feeds = tensors.load(job / "cases" / (case + ".npz"))
    begin = time.monotonic()
    error = ""
    try:
        outputs = session(feeds)
        seconds = time.monotonic() - begin
        tensors.save(folder / (case + ".npz"), outputs)
    except MemoryError:
        raise
    except Exception as exc:
        seconds = time.monotonic() - begin
        error = "%s: %s" % (type(exc).__name__, first_line(exc))
        traceback.print_exc()
    return {"case": case, "error": error, "seconds": round(seconds, 6)}


def weights(plugin: Any, job: Path, request: Dict[str, Any], ctx: Any) -> Dict[str, Any]:
    """Run a Weights reader: tensor ``i`` goes to ``out/i.npy``; the answer lists names in order."""
    import numpy as np

    names: List[str] = []
    total = 0
    for name, array in plugin.read(job / request["source"], ctx):
        total += array.nbytes
        if total > request["limit"]:
            return {"names": [], "skipped": "more than %d bytes of weights" % request["limit"]}
        np.save(str(job / "out" / ("%d.npy" % len(names))), array, allow_pickle=False)
        names.append(name)
    return {"names": names, "skipped": ""}


SERVE: Dict[str, Callable[..., Dict[str, Any]]] = {
    "convert": convert,
    "inspect": inspect,
    "run": run,
    "weights": weights,
}


def versions(request: Dict[str, Any]) -> Dict[str, str]:
    """Return the installed versions of the packages that the request names, Python's own first."""
    found = {"python": "%d.%d.%d" % sys.version_info[:3]}
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:  # Python 3.7
        return found
    for name in request.get("packages", []):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    # -I keeps the working directory, PYTHONPATH and the user site out; what is
    # importable is this environment's packages and the staged code beside us.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main(Path(sys.argv[1]).resolve())

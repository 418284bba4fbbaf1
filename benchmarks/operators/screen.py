"""Tries the routes to a target on every case, outside the flow: ``screen.py REQUEST``.

REQUEST is a JSON file: ``code`` (folder to import from), ``cases``, ``out`` (a line of JSON
a case), ``routes`` (lists of ``module:name``), ``runtime``, ``mains`` (a file pattern a
format), ``names`` and ``warm`` (packages to import before the first fork). A case costs a fork
here where the flow starts eight processes, so this sees every case. It proves nothing: no
sandbox, no reference, no noise, one input; it says what the flow should be asked first,
and whether the converted model gives the outputs that onnx ships.
"""

import importlib
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 90.0
"""Time for one case; a converter that hangs is ended with everything that it started."""


def tried(asked, line, job):
    """Convert and run one case by each route in turn, until one gives what onnx ships."""
    from modelport_sdk import PluginError, first_line

    feeds, expected = _arrays(Path(asked["cases"]), line)
    told = {"word": "refused"}
    refusals = []
    for index, route in enumerate(asked["routes"]):
        names = [ref.partition(":")[2] for ref in route]
        try:
            made = _converted(route, asked, line, job / str(index), feeds)
        except PluginError as exc:
            said = {"code": exc.code, "said": first_line(exc)[:300]}
            refusals.append({"route": names, "operators": list(exc.operators), **said})
            continue
        except Exception as exc:  # noqa: BLE001  # a stranger's code
            said = f"{type(exc).__name__}: {first_line(exc)[:300]}"
            refusals.append({"route": names, "code": "plugin-bug", "said": said})
            continue
        if made is None:
            refusals.append({"route": names, "code": "silent-success", "said": ""})
            continue
        one = {**_run(asked, line, made, (feeds, expected)), "route": names}
        if one["word"] in {"agrees", "converted"}:
            return {**one, "refusals": refusals}
        told = one if told["word"] == "refused" else told
    return {**told, "refusals": refusals}


def _arrays(folder, line):
    import numpy as np

    if not line["plain"]:
        return None, None
    fed, told = (folder / f"{line['name']}{suffix}" for suffix in (".npz", ".expected.npz"))
    return dict(np.load(fed)), dict(np.load(told))


def _plugin(ref):
    module, _, name = ref.partition(":")
    return getattr(importlib.import_module(module), name)


def _converted(route, asked, line, job, feeds):
    """Return (file, mapping) after all converters of ``route``; None where one left nothing."""
    from modelport.engine.answers import converted
    from modelport.engine.mapping import compose
    from modelport.model import Mapped, Port
    from modelport_sdk import Context
    from modelport_sdk.options import build

    here = Path(asked["cases"]) / f"{line['name']}.onnx"
    io = Mapped(*(tuple(Port(n, n) for n in line[which]) for which in ("inputs", "outputs")))
    for step, ref in enumerate(route):
        place = job / str(step)
        for name in ("out", "tmp"):
            (place / name).mkdir(parents=True)
        # Inputs keep their names and layouts up to the last step, as repairs do.
        shapes = {name: array.shape for name, array in (feeds or {}).items()}
        ctx = Context(place, {"name": "model", "threads": 1, "shapes": shapes})
        plugin = _plugin(ref)
        plugin.convert(here, place / "out", build(plugin.options, {}), ctx)
        files = sorted(path for path in (place / "out").rglob("*") if path.is_file())
        told = {"inputs": ctx.inputs, "outputs": ctx.outputs}
        listed = [path.relative_to(place / "out").as_posix() for path in files]
        io = compose(
            io, converted({"io": told, "files": listed, "precision": ctx.precision}).mapped
        )
        found = [path for path in files if path.match(asked["mains"][plugin.target])]
        if not found:
            return None
        here = found[0]
    return here, io


def _run(asked, line, made, data):
    from modelport import verify
    from modelport.engine.answers import ports
    from modelport_sdk import Context, first_line

    (file, io), (feeds, expected) = made, data
    if feeds is None:
        return {"word": "converted"}
    if reason := verify.misfit(feeds, io.inputs):
        return {"word": "does not fit", "said": reason}
    told = {"inputs": ports(io.inputs), "outputs": ports(io.outputs)}
    request = {"name": "model", "threads": 1, "io": told, "shapes": {}}
    try:
        ctx = Context(file.parent.parent, request)
        session = _plugin(asked["runtime"]).load(file, "plain", ctx)
        outputs = verify.to_source(session(verify.to_target(feeds, io.inputs)), io.outputs)
    except Exception as exc:  # noqa: BLE001  # a stranger's code
        return {"word": "does not run", "said": f"{type(exc).__name__}: {first_line(exc)[:300]}"}
    for name in line["outputs"]:
        said = difference(expected[name], outputs.get(name), line)
        if said:
            return {"word": "off", "said": f"{name}: {said}"}
    return {"word": "agrees"}


def difference(want, got, line):
    """Return how far one output is from the one shipped; empty within the case's tolerance."""
    import numpy as np

    if got is None:
        return "missing"
    if got.shape != want.shape:
        return f"shape {list(got.shape)} instead of {list(want.shape)}"
    left, right = got.astype(np.float64), want.astype(np.float64)
    if np.allclose(left, right, rtol=line["rtol"], atol=line["atol"], equal_nan=True):
        return ""
    with np.errstate(invalid="ignore"):
        off = np.nanmax(np.abs(left - right), initial=0.0)
    scale = np.max(np.abs(right[np.isfinite(right)]), initial=0.0)
    return f"off by {off:.3g} where the output reaches {scale:.3g}"


def apart(asked, line):
    """Return ``tried`` of one case, made in a child process."""
    begin = time.monotonic()
    reader, writer = os.pipe()
    job = Path(tempfile.mkdtemp(prefix="screen-"))
    child = os.fork()
    if not child:
        os.setsid()
        os.close(reader)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        try:
            told = tried(asked, line, job)
        except BaseException as exc:  # noqa: BLE001  # the parent must hear
            told = {"word": "broken", "said": f"{type(exc).__name__}: {exc}"[:300]}
        with os.fdopen(writer, "w") as stream:
            json.dump(told, stream)
        os._exit(0)
    os.close(writer)
    text = _heard(reader, begin + SECONDS)
    late = text is None
    if late:
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(job, ignore_errors=True)
    told = json.loads(text) if text else {"word": "timed out" if late else "crashed"}
    return {"case": line["name"], "status": status, **told,
            "seconds": round(time.monotonic() - begin, 2)}  # fmt: skip


def _heard(reader, deadline):
    """Return everything that the child wrote; None if it was not done in time."""
    parts = []
    with os.fdopen(reader, "rb") as stream:
        while select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0]:
            data = os.read(stream.fileno(), 1 << 16)
            if not data:
                return b"".join(parts).decode()
            parts.append(data)
    return None


def main(path):
    """Screen what is missing in the answers."""
    asked = json.loads(Path(path).read_text("utf-8"))
    sys.path.insert(0, asked["code"])
    plugins = {ref.partition(":")[0] for route in asked["routes"] for ref in route}
    for package in (*asked["warm"], "modelport.engine", "modelport.verify", *sorted(plugins)):
        importlib.import_module(package)
    lines = json.loads((Path(asked["cases"]) / "index.json").read_text("utf-8"))
    by_name = {line["name"]: line for line in lines}
    with Path(asked["out"]).open("a", encoding="utf-8") as stream:
        for name in asked["names"]:
            stream.write(json.dumps(apart(asked, by_name[name])) + "\n")
            stream.flush()


if __name__ == "__main__":
    main(sys.argv[1])

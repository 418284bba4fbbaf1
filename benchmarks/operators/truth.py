"""What ONNX Runtime itself makes of each case: ``truth.py FOLDER``; writes FOLDER/truth.json.

For each case: whether it loads and runs on its own inputs, whether the outputs are those
that the package ships, and whether it accepts inputs drawn at random. A case on which
the source and the package disagree cannot be held against a conversion, and cases that
refuse random inputs would spoil those of their neighbours in a union. Each case runs in
a process of its own, since some end it. Runs in the environment ``base``.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime

DRAWS = 3


def study(folder, line):
    """Return what is known of one case."""
    found = {"loads": False, "runs": False, "agrees": None, "free": False, "said": ""}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    path = folder / f"{line['name']}.onnx"
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        found["loads"] = True
        if not line["plain"]:
            return found
        feeds = dict(np.load(folder / f"{line['name']}.npz"))
        outputs = session.run(line["outputs"], feeds)
        found["runs"] = True
    except Exception as exc:  # noqa: BLE001  # a class of the runtime's own, with no common base
        found["said"] = str(exc).partition("\n")[0][:300]
        return found
    expected = np.load(folder / f"{line['name']}.expected.npz")
    differing = [
        name
        for name, got in zip(line["outputs"], outputs, strict=True)
        if not same(expected[name], got, line)
    ]
    found["agrees"] = not differing
    found["free"] = _free(session, feeds)
    return found


def same(want, got, line):
    """Return whether ``got`` is what the package ships, by the case's own tolerance."""
    if want.shape != np.shape(got):
        return False
    if want.dtype.kind not in "fc":
        return bool(np.array_equal(want, got))
    return bool(np.allclose(got, want, rtol=line["rtol"], atol=line["atol"], equal_nan=True))


def _free(session, feeds):
    """Return whether the case takes random values within the range of its own inputs."""
    for seed in range(DRAWS):
        generator = np.random.default_rng(seed)
        try:
            session.run(None, {name: _drawn(array, generator) for name, array in feeds.items()})
        except Exception:  # noqa: BLE001  # the same
            return False
    return True


def _drawn(array, generator):
    if array.dtype.kind == "f":
        return generator.normal(size=array.shape).astype(array.dtype)
    if array.dtype.kind == "b":
        return generator.integers(0, 2, size=array.shape).astype(bool)
    if not array.size:
        return array
    low, high = array.min(), array.max()
    return generator.integers(low, high, size=array.shape, dtype=array.dtype, endpoint=True)


def apart(folder, line):
    """Return ``study`` of one case, made in a child process."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        with os.fdopen(writer, "w") as stream:
            json.dump(study(folder, line), stream)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"loads": False, "runs": False, "said": "it crashed"}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    lines = json.loads((place / "index.json").read_text("utf-8"))
    truth = {line["name"]: apart(place, line) for line in lines if line["kind"] != "real"}
    (place / "truth.json").write_text(json.dumps(truth, indent=1), "utf-8")

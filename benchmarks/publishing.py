"""Loads weights into their published class and exports it: ``publishing.py JOB ANSWER``.

ANSWER gets what failed, by step: ``class`` (tracing the published class, where a port of ours
takes its place), ``trace`` and ``export``. Runs in the environment ``base``.
"""

import importlib
import json
import os
import sys
import types
from pathlib import Path
from unittest import mock

import torch


def published(job):
    """Return the published class: its module imported without the package's own __init__."""
    name, _, attribute = job["class"].partition(":")
    sys.path.insert(0, job["site"])
    package, _, _ = name.partition(".")
    bare = types.ModuleType(package)
    bare.__path__ = [str(Path(job["site"]) / package)]
    vars(bare).update(job["constants"])
    sys.modules[package] = bare
    for absent in job["absent"]:
        for part in (absent, f"{absent}.transforms", f"{absent}.ops", f"{absent}.ops.boxes"):
            sys.modules[part] = mock.MagicMock(name=part)
    return getattr(importlib.import_module(name), attribute)


def loaded(cls, job):
    """Return an instance with the weights in it."""
    module = cls(**job["arguments"])
    module.load_state_dict(state(job["weights"]))
    return module.eval()


def state(path):
    """Return the tensors of a file of weights."""
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def words(exc):
    """Return an error as one line."""
    lines = [line for line in str(exc).splitlines() if line.strip()]
    return f"{type(exc).__name__}: {lines[0] if lines else ''}"[:300]


def attempt(failures, step, action):
    """Run ``action``; any error becomes a sentence, since the class is others' code."""
    try:
        action()
    except Exception as exc:  # noqa: BLE001  # what others' code raises is the answer
        failures[step] = words(exc)


def ported(job):
    """Return the class that stands in for the published one."""
    name, _, attribute = job["port"].partition(":")
    return getattr(importlib.import_module(name), attribute)


def main(job, answer):
    """Write STEM.pt and STEM.pt2, as far as they can be had."""
    failures = {}
    example = torch.randn(job["example"], generator=torch.Generator().manual_seed(0))
    os.environ["DEV"] = "PYTHON"  # else tinygrad wants a compiler or a GPU
    cls = published(job)
    if job["port"]:
        attempt(failures, "class", lambda: torch.jit.trace(cls(**job["arguments"]), example))
        cls = ported(job)
    module = loaded(cls, job)
    batch = torch.export.Dim("batch", min=1, max=64)
    twice = torch.cat([example, example])[:2]

    def trace():
        torch.jit.trace(module, example).save(f"{job['stem']}.pt")

    def export():
        program = torch.export.export(module, (twice,), dynamic_shapes=({0: batch},))
        torch.export.save(program, f"{job['stem']}.pt2")

    with torch.no_grad():
        attempt(failures, "trace", trace)
        attempt(failures, "export", export)
    answer.write_text(json.dumps(failures))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))

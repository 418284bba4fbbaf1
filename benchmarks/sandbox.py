"""Measures what the sandbox costs: the same conversion in it and bare; writes docs/sandbox-cost.md.

``python -m benchmarks.sandbox [--runs 20] [--real-time]``. A conversion of about two seconds:
PyTorch is imported, a net traced and exported to ONNX. Runs alternate, so that a busy machine slows
both; the bare one has the niceness of a job, which would else lose against what else runs.
With ``--real-time`` both run before everything else on the machine; it takes root.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.table import machine, sandbox
from modelport.engine import House
from modelport.sandbox import Limits, launch, layers, prepare
from modelport.sandbox.stage import NICENESS

ROOT = Path(__file__).resolve().parent.parent
GIB = 1 << 30
LIMITS = Limits(300.0, 8 * GIB, 4 * GIB, 10_000, 256, 1, 4 * GIB)
CONVERSION = """
import sys, warnings
warnings.simplefilter("ignore")
import torch
torch.manual_seed(0)
layers = [torch.nn.Conv2d(3, 64, 3, padding=1), torch.nn.ReLU()]
for _ in range(4):
    layers += [torch.nn.Conv2d(64, 64, 3, padding=1), torch.nn.BatchNorm2d(64), torch.nn.ReLU()]
net = torch.nn.Sequential(*layers).eval()
example = torch.rand(1, 3, 96, 96)
torch.jit.trace(net, example).save("out/net.pt")
torch.onnx.export(net, (example,), "out/net.onnx", dynamo=False)
"""


class Run(NamedTuple):
    """Seconds of wall time, and of processor time of everything that was started."""

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> Run:
    """Return what ``work`` costs, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    work()
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, used)


def sandboxed(argv: list[str], job: Path) -> None:
    """Run ``argv`` with every layer that there is."""
    ending = launch(argv, job=job, readable=[], limits=LIMITS, log=job / "log.txt")
    if ending.code != 0 or not (job / "out" / "net.onnx").stat().st_size:
        raise RuntimeError(f"{ending} {(job / 'log.txt').read_text()[-500:]}")


def bare(argv: list[str], job: Path) -> None:
    """Run ``argv`` in the same folder, with as many threads and the same niceness."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    env = {**os.environ, **threads, "PYTHONDONTWRITEBYTECODE": "1"}
    nice = ["nice", "-n", str(NICENESS)]
    subprocess.run([*nice, *argv], cwd=job, env=env, check=True, capture_output=True)


def pairs(argv: list[str], base: Path, runs: int) -> list[tuple[Run, Run]]:
    """Return (bare, sandboxed) costs, one pair after the other; the first pair is not counted."""
    found = []
    for number in range(runs + 1):
        plain, kept = (prepare(base / f"{number}-{kind}") for kind in ("bare", "kept"))
        begun = timed(partial(bare, argv, plain)), timed(partial(sandboxed, argv, kept))
        found.append(begun)
        print(number, *(f"{run.wall:.2f}" for run in begun), flush=True)
    return found[1:]


def startup(base: Path, runs: int) -> Run:
    """Return the median cost of a sandboxed program that does nothing."""
    found = []
    for number in range(runs):
        job = prepare(base / f"{number}-nothing")
        work = partial(launch, readable=[], limits=LIMITS, log=job / "log.txt", job=job)
        found.append(timed(partial(work, ["/bin/true"])))
    return _median(found)


def _median(runs: list[Run]) -> Run:
    return Run(*(statistics.median(values) for values in zip(*runs, strict=True)))


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--real-time", action="store_true")
    asked = parser.parse_args()
    runs = asked.runs
    if asked.real_time:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(20))
    house = House.open()
    argv = [str(house.envs.python("base")), "-I", "-B", "-c", CONVERSION]
    with tempfile.TemporaryDirectory(prefix="sandbox-cost-") as folder:
        base = Path(folder)
        base.chmod(0o711)
        layers()  # the probe is made once in a process's life
        nothing = startup(base, runs)
        found = pairs(argv, base, runs)
    _write(found, nothing, house, " with real-time priority" if asked.real_time else "")


def _write(found: list[tuple[Run, Run]], nothing: Run, house: House, how: str) -> None:
    plain, kept = (_median([pair[side] for pair in found]) for side in (0, 1))
    wall = statistics.median(pair[1].wall / pair[0].wall for pair in found)
    cpu = statistics.median(pair[1].cpu / pair[0].cpu for pair in found)
    lines = [
        "# What the sandbox costs",
        "",
        "Written by `python -m benchmarks.sandbox`: the same conversion (PyTorch imported, a net",
        "traced, saved and exported to ONNX) by `launch` with every layer, and the same command",
        f"bare, {len(found)} times in turn{how}. The ratio is the median of the pairs' ratios.",
        "",
        *machine(house),
        "",
        *sandbox(),
        "",
        "| | bare | sandboxed | ratio |",
        "|---|---|---|---|",
        f"| wall time | {plain.wall:.2f} s | {kept.wall:.2f} s | {wall:.3f} |",
        f"| processor time | {plain.cpu:.2f} s | {kept.cpu:.2f} s | {cpu:.3f} |",
        "",
        "The columns are medians too, of either side alone.",
        "",
        f"A sandboxed program that does nothing takes {nothing.wall:.3f} s, {nothing.cpu:.3f} s of",
        "it on a processor, nearly all of which starts the supervisor's interpreter.",
    ]
    (ROOT / "docs" / "sandbox-cost.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Compares modelport with the bare tools on the same files and writes docs/performance.md.

``python -m benchmarks.performance [--sizes 2,45,500] [--targets openvino,mnn]``. Each cell is
wall time and peak resident memory of the whole process tree, as a ratio to the tool run
directly in the same run. Models are chains of Gemm and Tanh made by large_model.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import machine
from modelport.engine import House

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {2: (8, 256), 45: (11, 1024), 500: (30, 2048)}
"""Megabytes: layers and width of the model of about that size."""

BARE = {
    "openvino": "import sys, openvino as ov; "
    "ov.save_model(ov.convert_model(sys.argv[1]), sys.argv[2], compress_to_fp16=False)",
    # The console script of MNN changes the machine that it runs on: never that one.
    "mnn": "import sys; from _tools import mnnconvert; mnnconvert(['MNNConvert', '-f', 'ONNX', "
    "'--modelFile', sys.argv[1], '--MNNModel', sys.argv[2], '--bizCode', 'b'])",
}
SUFFIX = {"openvino": "bare.xml", "mnn": "bare.mnn"}
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time, and bytes that the tree of processes held at most."""

    seconds: float
    memory: int


def _tree(root: int) -> int:
    """Return the resident bytes of a process and all of its descendants."""
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid], sizes[pid] = int(fields[1]), int(fields[21]) * PAGE
    inside = {root}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in inside} - inside
        grown = bool(more)
        inside |= more
    return sum(sizes.get(pid, 0) for pid in inside)


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """Keep the peak of a process tree in the yielded list of one number."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], _tree(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def timed(argv: Sequence[str | Path], env: dict[str, str]) -> Cost:
    """Run a command line to its end and return what it cost.

    Raises:
        RuntimeError: It failed.
    """
    begin = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in argv],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with watched(process.pid) as peak:
        said = process.communicate()[1]
    if process.returncode:
        raise RuntimeError(f"{argv[0]} ended with {process.returncode}: {said[-500:]!r}")
    return Cost(time.monotonic() - begin, peak[0])


def cold(model: Path, target: str, scratch: Path, env: dict[str, str]) -> Cost:
    """Return the cost of ``modelport convert`` with an empty cache."""
    with tempfile.TemporaryDirectory(dir=scratch) as home:
        words = [sys.executable, "-m", "modelport_api.cli", "convert", model, "--to", target]
        return timed([*words, "-o", Path(home) / "out"], {**env, "MODELPORT_HOME": home})


def served(url: str, server: int, model: Path, target: str) -> Cost:
    """Return the cost of one request to a running service, its processes included."""
    begin = time.monotonic()
    address = f"{url}/v1/convert?to={target}&wait=600&filename={model.name}"
    request = urllib.request.Request(address, data=model.read_bytes(), method="POST")
    request.add_header("Content-Type", "application/octet-stream")
    with watched(server) as peak, urllib.request.urlopen(request, timeout=900) as answer:
        answer.read()
    return Cost(time.monotonic() - begin, peak[0])


@contextmanager
def service(scratch: Path, env: dict[str, str]) -> Iterator[tuple[str, int, float]]:
    """Start a service with an empty home; yield its address, process and seconds to an answer."""
    home = scratch / "served"
    port = 18711
    words = [sys.executable, "-m", "modelport_api.cli", "serve", "--port", str(port)]
    begin = time.monotonic()
    process = subprocess.Popen(words, env={**env, "MODELPORT_HOME": str(home)})
    url = f"http://127.0.0.1:{port}"
    try:
        while time.monotonic() - begin < 60:
            try:
                urllib.request.urlopen(f"{url}/healthz", timeout=1).read()
                break
            except OSError:
                time.sleep(0.05)
        yield url, process.pid, time.monotonic() - begin
    finally:
        process.terminate()
        process.wait(timeout=60)


def starts(env: dict[str, str]) -> list[str]:
    """Return the lines on how fast the command line answers."""
    lines = []
    for word in ("--help", "formats"):
        argv = [sys.executable, "-m", "modelport_api.cli", word]
        costs = [timed(argv, env).seconds for _ in range(7)]
        lines.append(f"| `modelport {word}` | {statistics.median(costs):.2f} s |")
    return lines


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="2,45,500")
    parser.add_argument("--targets", default="openvino,mnn")
    asked = parser.parse_args()
    house = House.open()
    env = {**os.environ, "MODELPORT_ENVS": str(house.envs.root)}
    python = house.envs.python("base")
    rows: list[str] = []
    with tempfile.TemporaryDirectory(prefix="performance-") as folder:
        scratch = Path(folder)
        fast = starts(env)
        with service(scratch, env) as (url, server, answered):
            time.sleep(5)  # its worker starts meanwhile
            fast.append(f"| `modelport serve` to its first answer | {answered:.2f} s |")
            for size in map(int, asked.sizes.split(",")):
                layers, width = LAYERS[size]
                model = scratch / f"chain{size}.onnx"
                maker = ROOT / "benchmarks" / "large_model.py"
                words = [python, maker, model, str(layers), str(width)]
                subprocess.run([str(word) for word in words], check=True)
                for target in asked.targets.split(","):
                    bare = timed([python, "-c", BARE[target], model, scratch / SUFFIX[target]], env)
                    line = cold(model, target, scratch, env)
                    kept = served(url, server, model, target)
                    rows.append(_row(size, target, bare, line, kept))
                    print(rows[-1], flush=True)
    _write(rows, fast, house)


def _row(size: int, target: str, bare: Cost, line: Cost, kept: Cost) -> str:
    def ratio(cost: Cost) -> str:
        time_ratio = cost.seconds / bare.seconds
        return f"{time_ratio:.1f} x, {cost.memory / bare.memory:.1f} x"

    direct = f"{bare.seconds:.1f} s, {bare.memory / (1 << 20):.0f} MiB"
    return f"| {size} MB | {target} | {direct} | {ratio(line)} | {ratio(kept)} |"


def _write(rows: Sequence[str], fast: Sequence[str], house: House) -> None:
    lines = [
        "# Performance",
        "",
        "Written by `make benchmark`: what modelport costs beside the tool run directly, in one",
        "run, on the same file. Wall time and peak resident memory of the whole process tree, as",
        "ratios. modelport inspects the model, runs it some hundred times to measure its noise,",
        "plants faults, runs the result, and compares the weights; the bare tool only converts.",
        "",
        *machine(house),
        "",
        "| model | target | the tool alone | `modelport convert`, nothing cached | the service |",
        "|---" * 5 + "|",
        *rows,
        "",
        "| start | median |",
        "|---|---|",
        *fast,
        "",
        *_large(),
    ]
    (ROOT / "docs" / "performance.md").write_text("\n".join(lines) + "\n", "utf-8")


def _large() -> list[str]:
    """Return the section on a 2.5 GB model, from the reports that a run by hand left."""
    place = ROOT / "benchmarks" / "large.json"
    if not place.is_file():
        return []
    rows = json.loads(place.read_text("utf-8"))
    return [
        "## A model of 2.5 GB",
        "",
        "40 layers of Gemm and Tanh, weights in a second file, by `modelport convert`. Figures of",
        "one run by hand; `benchmarks/large_model.py FILE 40` makes the model.",
        "",
        "| target | verdict | whole conversion | the converter alone | its peak memory |",
        "|---" * 5 + "|",
        *[
            f"| {r['target']} | {r['verdict']} | {r['seconds']:.0f} s | {r['step']:.0f} s | "
            f"{r['memory'] / (1 << 30):.2f} GiB |"
            for r in rows
        ],
    ]


if __name__ == "__main__":
    main()

"""Takes a model of 2.5 GB through the service and keeps what each process held at most.

``python -m benchmarks.large [--targets mnn,openvino]`` writes large.json beside this file;
``make benchmark`` then carries it into docs/performance.md. Needs 12 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.cost import resident, service
from modelport.engine import House

KEPT = Path(__file__).with_name("large.json")
LAYERS = 40
"""Of 4096 x 4096 float32: 2.5 GiB of weights, in a second file."""

ROLES = {"jobs.worker": "worker", "jobs.runner": "runner", "worker.py": "plugin call"}
"""What a process is, by a word of its command line; the first one is the server."""


@contextmanager
def peaks(server: int) -> Iterator[dict[str, int]]:
    """Keep, in the yielded dict, the most that one process of each role held, in bytes."""
    most: dict[str, int] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            for pid, size in resident(server).items():
                role = "server" if pid == server else _role(pid)
                most[role] = max(most.get(role, 0), size)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def _role(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return "other"
    return next((role for word, role in ROLES.items() if word in line), "other")


def convert(client: httpx.Client, model: str, target: str) -> dict[str, Any]:
    """Convert the uploaded ``model`` and return its row: verdict, seconds, each step's peak."""
    begin = time.monotonic()
    job = client.post("/v1/conversions", json={"model": model, "target": target}).json()
    while job["state"] in ("queued", "running"):
        time.sleep(0.5)
        job = client.get(f"/v1/conversions/{job['id']}").json()
    report = client.get(f"/v1/conversions/{job['id']}/report").json()
    chosen = next(tried for tried in report["attempts"] if tried["chosen"])
    return {
        "target": target,
        "verdict": job["verdict"],
        "outputs": len(report["verification"]["comparisons"]),
        "seconds": round(time.monotonic() - begin, 1),
        "step": sum(step["seconds"] for step in chosen["steps"]),
        "memory": max(step["peak_memory"] for step in chosen["steps"]),
    }


def measure(targets: list[str]) -> list[dict[str, Any]]:
    """Make the model, upload it once, and convert it to each target."""
    house = House.open()
    env = {**os.environ, "MODELPORT_ENVS": str(house.envs.root)}
    rows = []
    with tempfile.TemporaryDirectory(prefix="large-") as folder, ExitStack() as stack:
        model = Path(folder) / "chain.onnx"
        maker = Path(__file__).with_name("large_model.py")
        subprocess.run([house.envs.python("base"), maker, model, str(LAYERS)], check=True)
        url, server, _ = stack.enter_context(service(Path(folder), env))
        client = stack.enter_context(httpx.Client(base_url=url, timeout=900))
        with peaks(server) as most:
            files = [model, model.with_name(model.name + ".data")]
            parts = [("file", (path.name, stack.enter_context(path.open("rb")))) for path in files]
            uploaded = client.put("/v1/models", files=parts).raise_for_status().json()
            inspected = dict(most)
        print(f"uploaded and inspected: {inspected}", flush=True)
        for target in targets:
            with peaks(server) as most:
                row = {**convert(client, uploaded["id"], target), "processes": most}
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def section() -> list[str]:
    """Return the section of docs/performance.md on the last run."""
    if not KEPT.is_file():
        return []
    rows = json.loads(KEPT.read_text("utf-8"))
    return [
        "## A model of 2.5 GB",
        "",
        "40 layers of Gemm and Tanh, weights in a second file, uploaded to the service and",
        "converted there (`python -m benchmarks.large`): all outputs compared, and the most that",
        "one process of each kind held. The plugin calls include the runs of the verification.",
        "",
        "| target | verdict | seconds | the converter alone | server | worker | runner | plugin |",
        "|---" * 8 + "|",
        *[
            f"| {r['target']} | {r['verdict']} | {r['seconds']:.0f} | {r['step']:.0f} s, "
            f"{_size(r['memory'])} | "
            + " | ".join(_size(r["processes"].get(role, 0)) for role in ("server", *ROLES.values()))
            + " |"
            for r in rows
        ],
    ]


def _size(amount: int) -> str:
    return f"{amount / (1 << 20):.0f} MiB"


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", default="mnn,openvino")
    rows = measure(parser.parse_args().targets.split(","))
    KEPT.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

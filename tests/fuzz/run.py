"""Fuzzes the targets one after the other: ``python tests/fuzz/run.py [--seconds N] [TARGET ...]``.

What a run finds beyond the kept corpus lies in build/fuzz/TARGET/; with ``--keep`` the best
of it joins the corpus, and docs/fuzzing.md gets the table of the run. Ends with status 1
where a target raised, hung or grew.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import shelf
import table

ROOT = shelf.FOLDER.parent.parent
WORK = ROOT / "build" / "fuzz"
LONGEST = shelf.FILE_BYTES
LIMITS = (
    "-timeout=30",
    "-report_slow_units=30",
    "-rss_limit_mb=2048",
    f"-max_len={LONGEST}",
    "-print_final_stats=1",
)
FILES = 24
"""What a run may add to a target's corpus."""

LAST = re.compile(r"cov: (\d+) ft: (\d+)")
STATISTIC = re.compile(r"stat::(\w+):\s+(\d+)")


@dataclass(frozen=True)
class Run:
    """One target's run; ``finds`` are the inputs that broke it, ``memory`` is in MB."""

    target: str
    seconds: int
    executions: int
    edges: int
    features: int
    memory: int
    finds: tuple[str, ...]


def fuzzed(name: str, seconds: int, *, seed: int = 0) -> Run:
    """Fuzz one target for ``seconds``; with a ``seed``, from the kept corpus alone."""
    folder = WORK / ("smoke" if seed else "") / name
    if seed:  # the same each time
        shutil.rmtree(folder, ignore_errors=True)
    found = folder / "corpus"
    finds = folder / "finds"
    for one in (found, finds):
        one.mkdir(parents=True, exist_ok=True)
    before = set(finds.iterdir())
    done = _one(
        *(name, *LIMITS, f"-max_total_time={seconds}", f"-seed={seed}"),
        *(f"-artifact_prefix={finds}/", f"-dict={shelf.FOLDER / 'dictionary' / name}.txt"),
        *(str(found), str(shelf.CORPUS / name)),
    )
    log = folder / "log.txt"
    log.write_text(done.stderr + done.stdout, "utf-8")
    new = sorted(path.name for path in set(finds.iterdir()) - before)
    if done.returncode and not new:
        new = [f"status {done.returncode}"]
    if new:
        print(log.read_text("utf-8")[-3000:])
    told = LAST.findall(done.stderr) or [("0", "0")]
    counts = dict(STATISTIC.findall(done.stderr))
    executions = int(counts.get("number_of_executed_units", 0))
    memory = int(counts.get("peak_rss_mb", 0))
    return Run(name, seconds, executions, *map(int, told[-1]), memory, tuple(new))


def _one(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(shelf.FOLDER / "one.py"), *arguments]
    with shelf.room() as folder:  # libFuzzer ends the process, whatever it has open
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "TMPDIR": str(folder)},
        )


def keep(name: str) -> int:
    """Add what covers most beyond the kept corpus to it; return how many files."""
    merged = WORK / name / "merged"
    merged.mkdir(exist_ok=True)
    for old in merged.iterdir():
        old.unlink()
    folders = [str(shelf.CORPUS / name), str(WORK / name / "corpus")]
    _one(name, "-merge=1", f"-max_len={LONGEST}", str(merged), *folders)
    known = {path.read_bytes() for path in shelf.kept(name)}
    room = shelf.FOLDER_BYTES // len(shelf.names()) - sum(map(len, known))
    added = 0
    for path in sorted(merged.iterdir(), key=lambda one: (one.stat().st_size, one.name)):
        data = path.read_bytes()
        if data in known:
            continue
        room -= len(data)
        if added == FILES or room < 0:
            break
        (shelf.CORPUS / name / path.name[:16]).write_bytes(data)
        added += 1
    return added


def main() -> None:
    """Fuzz what the command line names, else every target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=shelf.names())
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--smoke", type=int, default=0, help="seconds for all targets together")
    parser.add_argument("--keep", action="store_true", help="let finds and corpus grow")
    asked = parser.parse_args()
    share = max(1, asked.smoke // len(asked.targets))
    seconds, seed = (share, 1) if asked.smoke else (asked.seconds, 0)
    runs = []
    for name in asked.targets:
        done = fuzzed(name, seconds, seed=seed)
        runs.append(done)
        print(table.line(done), flush=True)
        if asked.keep and not done.finds:
            print(f"{name}: {keep(name)} files added", flush=True)
    if asked.keep:
        table.write(ROOT / "docs" / "fuzzing.md", runs)
    sys.exit(any(done.finds for done in runs))


if __name__ == "__main__":
    main()

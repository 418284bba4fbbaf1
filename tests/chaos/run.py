"""Kills servers and workers with -9 while conversions run; ``make chaos``.

Each conversion has a client that polls or streams over HTTP, through every fall of the server.
Afterwards: none lost, none stuck, none published twice, each client has the right answer.
Prints a table, then one line of JSON; ends with 1 if a line of the table is not as it must be.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from tests.chaos.ground import TEXT, Ground, ground
from tests.postgres import Postgres, missing

from modelport_api.jobs import events
from modelport_api.jobs.tables import OPEN, attempts, jobs
from modelport_api.storage import places

CLIENTS = 12
AGAIN = 0.3  # seconds until a client whose server is gone asks again
ALLOWED = 10.0  # seconds beyond the lease until an interrupted conversion runs again


def poll(url: str, id: str, until: float) -> str:
    """Return the final state as a client sees it that asks again and again."""
    while time.monotonic() < until:
        try:
            state = httpx.get(f"{url}/v1/conversions/{id}", timeout=5).json()["state"]
            if state not in OPEN:
                return str(state)
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(AGAIN)
    return "no answer"


def watch(url: str, id: str, until: float) -> str:
    """Return the final state as a client sees it that follows the events, from where it was."""
    last = ""
    while time.monotonic() < until:
        try:
            headers = {"last-event-id": last} if last else {}
            address = f"{url}/v1/conversions/{id}/events"
            with httpx.stream("GET", address, headers=headers, timeout=20) as answer:
                if answer.status_code == 204:
                    return poll(url, id, until)
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    last = value if name == "id" else last
                    if name == "data" and json.loads(value).get("state", "queued") not in OPEN:
                        return str(json.loads(value)["state"])
        except httpx.HTTPError:
            pass
        time.sleep(AGAIN)
    return "no answer"


def run(kind: str, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the test on one kind of database and return what came out."""
    server = Postgres(folder / "postgres") if kind == "postgres" else None
    some = ground(folder / f"home-{kind}", server.database() if server else None, arguments.workers)
    draw = random.Random(arguments.seed)
    striker = threading.Thread(target=some.strike, args=(arguments.pause, draw))
    url = f"http://127.0.0.1:{some.settings.port}"
    start = time.monotonic()
    try:
        ids = some.submit(arguments.jobs, 0.25)
        striker.start()
        until = start + arguments.limit
        with ThreadPoolExecutor(CLIENTS) as pool:
            asked = [
                pool.submit(watch if number % 3 else poll, url, id, until)
                for number, id in enumerate(ids)
            ]
            answers = [one.result() for one in asked]
        some.over.set()
        striker.join()
        return {
            "database": kind,
            "seconds": round(time.monotonic() - start, 1),
            "kills": dict(some.kills),
            **judged(some, ids, answers),
        }
    finally:
        some.end()
        if server:
            server.stop()


def judged(some: Ground, ids: list[str], answers: list[str]) -> dict[str, Any]:
    """Return the counts that must be 0, and how long interrupted conversions waited."""
    with some.engine.connect() as connection:
        states = {row.id: row for row in connection.execute(sa.select(jobs))}
        finals = Counter(
            event.job for event in events.since(connection, 0) if event.data.get("finished_at")
        )
        order = sa.select(attempts).order_by(attempts.c.job, attempts.c.number)
        tries = list(connection.execute(order))
    results = [
        places.attempt(some.settings.home, id, states[id].attempt) / "result" / "out.txt"
        for id in ids
        if id in states and states[id].state == "converted"
    ]
    delays = [
        after.started_at - some.killed[before.worker]
        for before, after in itertools.pairwise(tries)
        if before.job == after.job and before.worker in some.killed
    ]
    return {
        "jobs": len(ids),
        "lost": sum(id not in states for id in ids),
        "stuck": sum(states[id].state in OPEN for id in ids if id in states),
        "twice": sum(count > 1 for count in finals.values()),
        "wrong": sum(path.read_text() != TEXT.upper() for path in results)
        + sum(answer != "converted" for answer in answers),
        "interrupted": len(delays),
        "again_median": round(statistics.median(delays), 1) if delays else 0.0,
        "again_most": round(max(delays, default=0.0), 1),
        "again_allowed": some.settings.lease_seconds + ALLOWED,
    }


def good(told: dict[str, Any]) -> bool:
    """Whether nothing was lost, and nothing waited longer than it may."""
    none = not any(told[name] for name in ("lost", "stuck", "twice", "wrong"))
    return none and told["again_most"] <= told["again_allowed"]


def main() -> int:
    """Run on each database, print the table and the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--pause", type=float, default=4.0, help="mean seconds between kills")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds for each database")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", choices=("sqlite", "postgres"), action="append")
    arguments = parser.parse_args()
    told = []
    for kind in arguments.database or ("sqlite", "postgres"):
        if kind == "postgres" and (reason := missing()):
            print(f"postgres: left out, {reason}")
            continue
        folder = Path(tempfile.mkdtemp(prefix="modelport-chaos-"))
        folder.chmod(0o711)
        (folder / "postgres").mkdir()
        told.append(run(kind, arguments, folder))
        shutil.rmtree(folder, ignore_errors=True)
    for name in told[0]:
        print(f"{name:14}", *(f"{one[name]!s:32}" for one in told))
    print(json.dumps(told))
    return 0 if all(map(good, told)) else 1


if __name__ == "__main__":
    sys.exit(main())

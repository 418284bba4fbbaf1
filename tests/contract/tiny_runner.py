"""A runner for the tests of the job machinery: a real process that really takes its time.

Converts a file to its upper case, a line at a time, with a pause after each; the pause
and other wishes come in the options. A grandchild stands for the tools below a runner.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def lifeline() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    folder = Path(sys.argv[1])
    wish = json.loads((folder / "request.json").read_text("utf-8"))
    options = wish["options"]
    threading.Thread(target=lifeline, daemon=True).start()
    tool = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL)
    (folder / "pids").write_text(f"{os.getpid()} {tool.pid}")
    if options.get("poison"):
        os.kill(int(Path(f"/proc/{os.getppid()}/stat").read_text().split()[0]), signal.SIGKILL)
    lines = Path(wish["files"][0]).read_text("utf-8").splitlines()
    result = folder / "result"
    result.mkdir()
    with (result / "out.txt").open("w", encoding="utf-8") as stream:
        for number, line in enumerate(lines, 1):
            stream.write(line.upper() + "\n")
            stage = {"stage": "convert", "fraction": number / len(lines), "detail": line}
            print(json.dumps(stage), flush=True)
            time.sleep(options.get("pause", 0.0))
    if options.get("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    data = (result / "out.txt").read_bytes()
    entry = {"name": "out.txt", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    tool.kill()
    steps = [{"converter": "text-to-loud", "seconds": 2.0}]
    outcome = {"verdict": "verified", "reason": "", "problem": None, "artifacts": [entry]}
    outcome["steps"] = steps
    (folder / "outcome.json").write_text(json.dumps(outcome))


if __name__ == "__main__":
    main()

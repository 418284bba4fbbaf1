"""The list of attempts in tests/attempts: all refused, and each possible without its layers.

Made as the service's user with its own interpreter, with the system's (as root, the job then
has a user of its own), and, where the tests run as root, as an ordinary user.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modelport.sandbox import layers

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
SYSTEM = "/usr/bin/python3"
LEAST = 60

sys.path.insert(0, str(ROOT / "tests" / "attempts"))
from catalogue import ATTEMPTS  # noqa: E402  # after the path

PERSONS = ["service", "system", "ordinary"]
NEEDS_LANDLOCK = {
    "write-in-the-jobs-root",
    "move-the-request",
    "run-an-own-file",
}  # see docs/sandbox.md

pytestmark = pytest.mark.skipif(not layers().enough, reason="no sandbox on this machine")


def launcher(person, folder):
    """Return the command that runs run.py as ``person``; skip where there is no such person."""
    if person == "service":
        return [sys.executable, ROOT / "tests" / "attempts" / "run.py"]
    if person == "ordinary" and (os.geteuid() != 0 or not shutil.which("setpriv")):
        pytest.skip("needs root and setpriv; the tests run as an ordinary user already")
    new = "import sys; raise SystemExit(sys.version_info < (3, 11))"
    if subprocess.run([SYSTEM, "-c", new], capture_output=True, check=False).returncode:
        pytest.skip(f"no Python 3.11 at {SYSTEM}")
    # Copies, since the repository may lie below a private folder.
    for part in ("converters/modelport", "converters/modelport_sdk", "tests/attempts"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, folder / part, ignore=ignored, dirs_exist_ok=True)
    user = [shutil.which("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    words = user if person == "ordinary" else []
    return [*words, SYSTEM, "-B", folder / "tests" / "attempts" / "run.py"]


def answers(command, requests, path=os.environ["PATH"]):
    """Return what run.py says to ``requests``; bubblewrap is found on ``path``."""
    env = {**os.environ, "PATH": path}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env) as process:
        said, _ = process.communicate(json.dumps(requests))
    assert process.returncode == 0
    return json.loads(said)


@pytest.fixture(scope="module", params=PERSONS)
def person(request, long_passage):
    return request.param, launcher(request.param, long_passage)


@pytest.fixture(scope="module")
def plain(person):
    """What the attempts met with every layer but bubblewrap, and without any."""
    requests = [{"mode": mode, "names": list(ATTEMPTS)} for mode in ("full", "bare")]
    return answers(person[1], requests, path="/nonexistent")


def done(outcomes):
    return {name for name, met in outcomes.items() if met == "done"}


def in_force(name, full):
    """Return the layers of an attempt that this person's jobs have."""
    missing = set() if full["layers"]["uid"] else {"user"}
    if os.geteuid() != 0 or full["layers"]["identities"] is False:
        missing |= {"privileges"}
    return [layer for layer in ATTEMPTS[name].layers if layer not in missing]


def without(command, wanted):
    """Return what was met by pairs of (attempt, the layers it is made without)."""
    groups = {}
    for name, off in wanted:
        groups.setdefault(off, []).append(name)
    requests = [
        {"mode": "without", "layers": ["bubblewrap", *off], "names": names}
        for off, names in groups.items()
    ]
    return {
        (name, off): met
        for off, answer in zip(groups, answers(command, requests), strict=True)
        for name, met in answer["outcomes"].items()
    }


def test_every_attempt_is_refused(plain):
    assert len(ATTEMPTS) >= LEAST
    assert done(plain[0]["outcomes"]) == set()


def test_nothing_of_the_attempts_is_left_running(plain):
    assert (plain[0]["status"], plain[0]["leftover"]) == ("exit", 0)


def test_every_attempt_succeeds_without_its_layers(person, plain):
    met = without(person[1], [(name, row.layers) for name, row in ATTEMPTS.items()])
    free = {name for name, _ in done(met)}
    # A kernel without vsock, say, refuses by itself: then the attempt proves nothing here.
    assert done(plain[1]["outcomes"]) - free == set()
    assert len(free) >= LEAST


def test_each_layer_of_an_attempt_refuses_it_alone(person, plain):
    wanted = [
        (name, tuple(off for off in ATTEMPTS[name].layers if off != layer))
        for name in done(plain[1]["outcomes"])
        for layer in in_force(name, plain[0])
    ]
    assert done(without(person[1], wanted)) == set()


def test_every_attempt_is_refused_with_bubblewrap(person):
    answer = answers(person[1], [{"mode": "full", "names": list(ATTEMPTS)}])[0]
    if not answer["layers"]["bubblewrap"]:
        pytest.skip("bubblewrap is not installed, or may not make namespaces")
    assert done(answer["outcomes"]) == set()


def test_bubblewrap_and_seccomp_are_enough_without_landlock(person):
    names = [name for name in ATTEMPTS if name not in NEEDS_LANDLOCK]
    answer = answers(person[1], [{"mode": "without", "layers": ["landlock"], "names": names}])[0]
    if not answer["layers"]["bubblewrap"]:
        pytest.skip("bubblewrap is not installed, or may not make namespaces")
    assert done(answer["outcomes"]) == set()


def test_every_bomb_is_contained_within_twice_its_limit(person):
    program = Path(person[1][-1]).with_name("bombs.py")
    done = subprocess.run([*person[1][:-1], program], capture_output=True, text=True, check=False)
    bombs = json.loads(done.stdout)["bombs"]
    assert {name: bomb for name, bomb in bombs.items() if bomb["times"] > 2} == {}
    assert {name: bomb for name, bomb in bombs.items() if bomb["leftover"] or bomb["alive"]} == {}

"""What a job can do, and what its surroundings look like; tests/attempts has what it cannot."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from modelport.sandbox import Limits, launch, layers
from modelport.silence import SILENT

MIB = 1 << 20
LIMITS = Limits(30.0, 1024 * MIB, 64 * MIB, 1000, 64, 1, 32 * MIB)
INTERPRETERS = [
    path for path in dict.fromkeys([sys.executable, "/usr/bin/python3"]) if Path(path).exists()
]

pytestmark = pytest.mark.skipif(not layers().enough, reason="no sandbox on this machine")


def furnished(folder):
    """Return a job folder below ``folder``."""
    job = folder / "job"
    for name in ("in", "code", "cases"):
        (job / name).mkdir(parents=True)
    (job / "in" / "model").write_bytes(b"model")
    return job


@pytest.fixture
def job(passage):
    return furnished(passage)


SCRIPT = """
import ctypes, json, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    if libc.syscall(*args) < 0:
        raise OSError(ctypes.get_errno(), "")
def outcome(line):
    try:
        exec(line)
    except BaseException as exc:
        return type(exc).__name__
    return "done"
for line in sys.argv[1:]:
    sys.stdout.flush()
    # One line is tried as it stands; several each in a child, so that none spoils the next.
    if len(sys.argv) == 2 or not os.fork():
        print(json.dumps([line, outcome(line)]), flush=True)
        os._exit(0)
    os.wait()
"""

ALLOWED = {
    "write-out": "open('out/x', 'w').write('x')",
    "folders-in-tmp": "os.makedirs('tmp/a/b'); open('tmp/a/b/c', 'w')",
    "move-tmp-to-out": "open('tmp/f', 'w'); os.rename('tmp/f', 'out/f')",
    "progress": "open('progress.jsonl', 'a').write('{}')",
    "result": "open('result.json.part', 'w').write('{}');"
    " os.replace('result.json.part', 'result.json')",
    "read-in": "open('in/model').read()",
    "run-a-program": "subprocess.run(['/bin/sh', '-c', 'true'], check=True)",
    "socketpair": "socket.socketpair()",
    "tempfile": "import tempfile; tempfile.NamedTemporaryFile().write(b'x')",
    "user-name": "import getpass; assert getpass.getuser() == 'job'",
    "copy": "import shutil; shutil.copy('in/model', 'out/copy')",
}


def run(interpreter, job, *lines, **kwargs):
    """Run ``lines`` of Python in ``job``; return each with "done" or the error it met."""
    log = job.parent / "log"
    log.write_bytes(b"")
    argv = [interpreter, "-I", "-c", SCRIPT, *lines]
    ending = launch(argv, job=job, readable=[], limits=LIMITS, log=log, **kwargs)
    assert (ending.status, ending.code, ending.leftover) == ("exit", 0, 0), log.read_text()
    return dict(map(json.loads, log.read_text().splitlines()))


@pytest.fixture(params=INTERPRETERS)
def attempt(request, namespaces, job):
    """Run one line and return what it met."""
    return lambda line: run(request.param, job, line)[line]


@pytest.fixture(scope="module", params=INTERPRETERS)
def outcomes(request, namespaces, long_passage):
    """What every line of the table met, from one launch."""
    return run(
        request.param,
        furnished(long_passage / request.param.replace("/", "-") / namespaces),
        *ALLOWED.values(),
    )


@pytest.mark.parametrize("name", ALLOWED)
def test_a_worker_can_do_its_work(outcomes, name):
    assert outcomes[ALLOWED[name]] == "done"


def test_a_job_can_read_its_own_maps(attempt):
    assert attempt("open('/proc/self/maps').read()") == "done"


def test_a_listening_server_hears_nothing(attempt):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert attempt(f"socket.create_connection(('127.0.0.1', {port}), 1)") == "PermissionError"
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_another_jobs_folder_is_out_of_reach(attempt, passage):
    other = passage / "other" / "out"
    other.mkdir(parents=True)
    (other / "model").write_text("secret")
    other.chmod(0o777)
    assert attempt(f"open({str(other / 'model')!r})") in {"PermissionError", "FileNotFoundError"}


def test_a_readable_folder_can_be_read_and_not_written(job, passage):
    shelf = passage / "shelf"
    shelf.mkdir()
    (shelf / "model").write_text("model")
    line = f"assert open({str(shelf / 'model')!r}).read(); open({str(shelf / 'new')!r}, 'w')"
    log = passage / "log"
    argv = [INTERPRETERS[-1], "-I", "-c", line]
    launch(argv, job=job, readable=[shelf], limits=LIMITS, log=log)
    assert log.read_text().splitlines()[-1].startswith(("PermissionError", "OSError"))


def test_the_environment_is_built_from_nothing(job, passage, monkeypatch):
    monkeypatch.setenv("MODELPORT_SECRET", "secret")
    log = passage / "log"
    line = "import json, os; print(json.dumps(dict(os.environ)))"
    argv = [INTERPRETERS[0], "-I", "-c", line]
    launch(argv, job=job, readable=[], limits=LIMITS, log=log, environment={"EXTRA": "1"})
    found = json.loads(log.read_text())
    assert found["EXTRA"] == "1"
    assert found["HOME"] == str(job / "tmp")
    assert set(found) <= {
        *("PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "LANG", "LC_CTYPE", "EXTRA", "PWD"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
        *("PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE", "HF_HUB_OFFLINE"),
        *SILENT,
    }


def test_no_descriptor_of_the_server_is_inherited(attempt):
    # What is open may be files and folders; a pipe would be the lifeline.
    line = (
        "base = '/proc/self/fd/'\nfor name in os.listdir(base):\n"
        "    if os.path.exists(base + name):\n"
        "        assert ':' not in os.readlink(base + name)"
    )
    assert attempt(line) == "done"


def test_the_result_belongs_to_the_service_afterwards(attempt, job):
    attempt("os.mkdir('out/sub', 0); open('out/x', 'w').write('x'); os.fsync(1)")
    found = [path.stat() for path in (job, job / "out" / "x", job / "out" / "sub", job / "in")]
    assert all(status.st_uid == os.geteuid() and status.st_mode & 0o200 for status in found)


def test_a_machine_without_landlock_and_bubblewrap_is_refused(job):
    # A filter on the caller makes Landlock vanish, as on an old kernel or container engine.
    script = """
import os, sys
from pathlib import Path
from modelport.sandbox import Limits, kernel, launch, seccomp
kernel.prctl(kernel.NO_NEW_PRIVS, 1)
seccomp.install(seccomp.denial({444: 38}))
os.environ["PATH"] = "/nonexistent"
job = Path(sys.argv[1])
limits = Limits(9.0, 1 << 30, 1 << 20, 99, 64, 1, 1 << 20)
for insecure in (False, True):
    ending = launch(["/bin/true"], job=job, readable=[], limits=limits, log=job / "log.txt",
                    insecure=insecure)
    print(ending.status)
"""
    argv = [sys.executable, "-c", script, job]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["refused", "exit"], done.stderr

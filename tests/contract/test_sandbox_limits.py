"""How a job ends: each limit is met for real, and nothing is left alive."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from modelport.sandbox import Limits, launch, layers, sweep

MIB = 1 << 20
ROOMY = Limits(
    seconds=20.0,
    memory=256 * MIB,
    disk=64 * MIB,
    files=1000,
    processes=64,
    threads=1,
    file_size=32 * MIB,
)
INTERPRETERS = [
    path for path in dict.fromkeys([sys.executable, "/usr/bin/python3"]) if Path(path).exists()
]
DAEMON = (
    "import os, signal, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        for number in (1, 2, 15):\n"
    "            signal.signal(number, signal.SIG_IGN)\n"
    "        open('out/daemon', 'w').close()\n"
    "        time.sleep(600)\n"
    "    os._exit(0)\n"
)

pytestmark = pytest.mark.skipif(not layers().enough, reason="no sandbox on this machine")


@pytest.fixture(params=INTERPRETERS)
def program(request, namespaces, passage):
    """Launch Python source under limits, and return the ending."""
    job = passage / "job"
    (job / "in").mkdir(parents=True)

    def run(source, *words, cancel=None, **limits):
        argv = [request.param, "-I", "-c", source, *words]
        terms = replace(ROOMY, **limits)
        return launch(argv, job=job, readable=[], limits=terms, log=job / "log.txt", cancel=cancel)

    run.job = job
    return run


def alive(word):
    """Return the processes whose command line carries ``word``."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("source", "limits", "status"),
    [
        pytest.param("import time; time.sleep(60)", {"seconds": 0.5}, "timed-out", id="sleep"),
        pytest.param("while True: pass", {"seconds": 0.5}, "timed-out", id="loop"),
        pytest.param(
            "kept = []\nwhile True: kept.append(b'x' * (16 << 20))",
            {},
            "out-of-memory",
            id="memory-of-one-process",
        ),
        pytest.param(
            "import os, time\nfor _ in range(12):\n    if not os.fork():\n"
            "        kept = b'x' * (50 << 20); time.sleep(60)\ntime.sleep(60)",
            {},
            "out-of-memory",
            id="memory-of-many",
        ),
        pytest.param(
            "import mmap, time\nkept = []\nwhile True:\n    m = mmap.mmap(-1, 16 << 20)\n"
            "    m.write(b'x' * (16 << 20)); kept.append(m)",
            {},
            "out-of-memory",
            id="shared-memory",
        ),
        pytest.param(
            "import time\nfor n in range(999):\n"
            "    open(f'out/{n}', 'wb').write(b'x' * (4 << 20)); time.sleep(0.01)",
            {},
            "disk-full",
            id="disk",
        ),
        pytest.param(
            "for n in range(20): open(f'tmp/{n}', 'wb').write(b'x' * (8 << 20))",
            {},
            "disk-full",
            id="disk-and-gone",
        ),
        pytest.param(
            "open('out/x', 'wb').write(b'x' * (40 << 20))", {}, "disk-full", id="file-size"
        ),
        pytest.param(
            "for n in range(10**7): open(f'out/{n}', 'w').close()", {}, "too-many-files", id="files"
        ),
        pytest.param(
            "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
            {},
            "too-many-processes",
            id="fork-bomb",
        ),
        pytest.param(
            "import threading, time\nwhile True:\n"
            "    try: threading.Thread(target=time.sleep, args=(60,)).start()\n"
            "    except RuntimeError: pass",
            {},
            "too-many-processes",
            id="thread-bomb",
        ),
    ],
)
def test_a_limit_ends_the_job_and_names_itself(program, source, limits, status):
    ending = program(source, **limits)
    assert (ending.status, ending.leftover) == (status, 0)
    assert ending.peak_memory < 2 * ROOMY.memory


@pytest.mark.parametrize(
    ("source", "want"),
    [
        pytest.param("pass", ("exit", 0, ""), id="success"),
        pytest.param("raise SystemExit(7)", ("exit", 7, ""), id="failure"),
        pytest.param("import os; os.abort()", ("signal", None, "SIGABRT"), id="abort"),
        pytest.param(
            "import os; os.kill(os.getpid(), 11)", ("signal", None, "SIGSEGV"), id="crash"
        ),
        pytest.param(
            "import os; os.kill(os.getpid(), 9)", ("signal", None, "SIGKILL"), id="killed"
        ),
    ],
)
def test_an_ending_is_told_as_it_was(program, source, want):
    ending = program(source)
    assert (ending.status, ending.code, ending.signal) == want


def test_a_program_that_cannot_start_is_refused_with_the_reason(program):
    log = program.job / "log.txt"
    argv = ["/nonexistent/python"]
    ending = launch(argv, job=program.job, readable=[], limits=ROOMY, log=log)
    assert (ending.status, ending.code) == ("refused", None)
    assert "FileNotFoundError" in ending.degraded[0] or "PermissionError" in ending.degraded[0]


def test_work_is_measured(program):
    ending = program("kept = b'x' * (100 << 20)\nfor _ in range(3 * 10**6): pass")
    assert 100 * MIB < ending.peak_memory < 200 * MIB
    assert 0 < ending.cpu_seconds < 10


def test_a_daemon_does_not_outlive_its_job(program):
    source = DAEMON + "while not os.path.exists('out/daemon'): time.sleep(0.01)"
    ending = program(source, "word-of-daemon")
    assert (ending.status, ending.leftover, alive("word-of-daemon")) == ("exit", 0, [])


def test_cancel_ends_the_whole_tree(program):
    cancel = threading.Event()
    wait = threading.Thread(target=_set_when, args=(cancel, program.job / "out" / "daemon"))
    wait.start()
    ending = program(DAEMON + "time.sleep(600)", "word-of-cancel", cancel=cancel)
    wait.join()
    assert (ending.status, ending.leftover, alive("word-of-cancel")) == ("cancelled", 0, [])


def test_a_cancel_that_is_faster_than_the_supervisor_is_heard(program):
    """It then stands in the pipe behind the plan before anybody has read either."""
    cancel = threading.Event()
    cancel.set()
    ending = program("import time; time.sleep(600)", cancel=cancel)
    assert (ending.status, ending.leftover) == ("cancelled", 0)


def test_the_tree_dies_with_its_caller(program):
    script = (
        "import sys\nfrom pathlib import Path\nfrom modelport.sandbox import Limits, launch\n"
        f"launch([{INTERPRETERS[0]!r}, '-I', '-c', sys.argv[1], 'word-of-' + 'orphan'],"
        f" job=Path({str(program.job)!r}), readable=[], limits={ROOMY!r},"
        f" log=Path({str(program.job / 'log.txt')!r}))"
    )
    argv = [sys.executable, "-c", script, DAEMON + "time.sleep(600)"]
    with subprocess.Popen(argv) as caller:
        _wait_for((program.job / "out" / "daemon").exists)
        assert alive("word-of-orphan")
        caller.kill()
    _wait_for(lambda: not alive("word-of-orphan"))
    assert alive("word-of-orphan") == []


@pytest.mark.parametrize(
    ("killed", "status"),
    [
        pytest.param("supervisor", "signal", id="supervisor"),
        pytest.param("guard", "cancelled", id="guard"),
        pytest.param("both", "signal", id="both-at-once"),
    ],
)
def test_a_daemon_does_not_outlive_kill_9_of(program, killed, status):
    with ThreadPoolExecutor() as pool:
        future = pool.submit(program, DAEMON + "time.sleep(600)", "word-of-loss")
        _wait_for((program.job / "out" / "daemon").exists)
        assert alive("word-of-loss")
        (guard,) = [pid for pid in _children(os.getpid()) if _is_entry(pid)]
        (supervisor,) = _children(guard)
        for pid in {"supervisor": [supervisor], "guard": [guard]}.get(killed, [guard, supervisor]):
            os.kill(pid, signal.SIGKILL)
        ending = future.result()
    assert ending.status == status
    _wait_for(lambda: not alive("word-of-loss"))
    assert alive("word-of-loss") == []
    assert (program.job / "in").stat().st_mode & 0o200


def test_a_daemon_that_lost_everything_is_swept_at_the_next_start(program):
    script = (
        "import sys\nfrom pathlib import Path\nfrom modelport.sandbox import Limits, launch\n"
        f"launch([{INTERPRETERS[0]!r}, '-I', '-c', sys.argv[1], 'word-of-' + 'ruin'],"
        f" job=Path({str(program.job)!r}), readable=[], limits={ROOMY!r},"
        f" log=Path({str(program.job / 'log.txt')!r}))"
    )
    argv = [sys.executable, "-c", script, DAEMON + "time.sleep(600)"]
    with subprocess.Popen(argv) as caller:
        _wait_for((program.job / "out" / "daemon").exists)
        (guard,) = _children(caller.pid)
        for pid in (caller.pid, guard, *_children(guard)):
            os.kill(pid, signal.SIGKILL)
    sweep()
    assert alive("word-of-ruin") == []


def test_jobs_of_several_threads_do_not_disturb_one_another(passage):
    def one(number):
        job = passage / str(number)
        job.mkdir()
        source = f"import time; time.sleep(0.2); raise SystemExit({number})"
        argv = [sys.executable, "-I", "-c", source]
        return launch(argv, job=job, readable=[], limits=ROOMY, log=job / "log.txt").code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))) == list(range(8))


def _set_when(event, path):
    _wait_for(path.exists)
    event.set()


def _wait_for(fact, seconds=10.0):
    end = time.monotonic() + seconds
    while not fact() and time.monotonic() < end:
        time.sleep(0.02)


def _is_entry(pid):
    return b"supervise" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _children(pid):
    text = ""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        text += (thread / "children").read_text() + " "
    return [int(word) for word in text.split()]


def test_a_sweep_leaves_alone_what_has_a_supervisor(program):
    with ThreadPoolExecutor() as pool:
        future = pool.submit(program, "open('out/on', 'w'); import time; time.sleep(3)")
        _wait_for((program.job / "out" / "on").exists)
        swept = [sweep() for _ in range(2)]
        assert (future.result().status, future.result().code) == ("exit", 0)
    assert all(found["processes"] == 0 for found in swept)

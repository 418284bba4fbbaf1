"""Runs in the job: makes each attempt in a child of its own and tells how it ended.

``python -I inside.py TASK``. TASK is a JSON file: ``names`` for the attempts' code, ``numbers``
of system calls, ``attempts`` (name: code). Prints one JSON object: name to ``done`` or what it met.
"""

# ruff: noqa: F401, RUF100  # what looks unused is for the attempts' code

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = {}
PATIENCE = 10  # seconds an attempt may take
# Set from the task, with others that only the attempts' code uses.
ADDRESS = SUPERVISOR = UDP = VICTIM = 0
QUEUE = ""


class Pretended(Exception):  # noqa: N818  # read in a table
    """The call claimed success and did nothing."""


def check(fact):
    """Raise unless ``fact`` shows that the attempt had an effect."""
    if not fact:
        raise Pretended


def call(name, *args):
    """Make a system call, by name or number."""
    number = NUMBERS[name] if isinstance(name, str) else name
    wide = [ctypes.c_ulong(arg) if isinstance(arg, int) else arg for arg in args]
    answer = LIBC.syscall(ctypes.c_long(number), *wide)
    if answer < 0:
        raise OSError(ctypes.get_errno(), "")
    return answer


def plant(folder):
    """Create a file in ``folder``; it is removed again."""
    path = f"{folder}/modelport-attempt-{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    Path(path).unlink()


def dial(family, address):
    """Connect to ``address``."""
    with socket.socket(family) as link:
        link.connect(address)


def lookup():
    """Ask the name server that listens on UDP; any packet that leaves is a success."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect(("127.0.0.1", UDP))
        check(link.send(b"\0" * 12 + b"\7example\3org\0\0\1\0\1"))


def socket_32_bit():
    """Return a socket asked for by the 32-bit door of x86, whose numbers are others."""
    # push rbx; mov eax, 359 (socket); mov ebx, 2; mov ecx, 1; xor edx, edx; int 0x80; pop rbx; ret
    code = bytes.fromhex("53 b867010000 bb02000000 b901000000 31d2 cd80 5b c3")
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_int)(start)()


def above():
    """Return the process that started the job: its supervisor.

    In a namespace that one has no number; the first process there belongs to the job.
    """
    if SUPERVISOR <= 1:
        raise ProcessLookupError(errno.ESRCH, "")
    return SUPERVISOR


def info(number):
    """Return a siginfo_t that claims to come from sigqueue (SI_QUEUE is -1)."""
    return ctypes.create_string_buffer(struct.pack("=iii", number, 0, -1), 128)


def moved(name):
    """Copy eight bytes between our memory and the victim's; return how many were."""
    own = ctypes.create_string_buffer(b"evidence", 8)
    here = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(own), 8))
    there = ctypes.create_string_buffer(struct.pack("=QQ", ADDRESS, 8))
    return call(name, VICTIM, here, 1, there, 1, 0)


def output(argv):
    """Return what a program prints."""
    return subprocess.run(argv, capture_output=True, check=True).stdout.strip()


def regain():
    """Become holder of CAP_CHOWN, or find that we are not."""
    head = struct.pack("=Ii", 0x20080522, 0)
    call("capset", head, struct.pack("=6I", 1, 1, 0, 0, 0, 0))


def inherited():
    """Return whether an open descriptor gives what the service left open."""
    for number in range(3, 256):
        try:
            if b"of an open file" in os.pread(number, 64, 0):
                return True
        except OSError:
            continue
    return False


def cloned(name):
    """Fork into a user namespace of its own."""
    if name == "clone":
        pid = call("clone", 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    else:
        pid = call(
            "clone3", struct.pack("=11Q", 0x10000000, *[0] * 3, signal.SIGCHLD, *[0] * 6), 88
        )
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


def upmost(limit):
    """Raise a soft limit as far as the hard one allows."""
    hard = resource.getrlimit(limit)[1]
    resource.setrlimit(limit, (hard, hard))


def queue():
    """Make a POSIX message queue; ground.py removes it, since Landlock would not let us."""
    call("mq_open", QUEUE.encode(), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, 0)


def removed(make, control, *args):
    """Make a System V object and remove it: IPC_RMID is 0."""
    kept = call(make, *args)
    call(control, kept, *([0] if control != "semctl" else [0, 0]), 0)


def open_by_handle(path):
    """Open ``path`` by its number on the disk, past every folder above it."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    mount = ctypes.c_int()
    call("name_to_handle_at", -100, path.encode(), handle, ctypes.byref(mount), 0)
    return call("open_by_handle_at", os.open(".", os.O_RDONLY), handle, os.O_RDONLY)


def counter():
    """Return attributes of a software clock (PERF_TYPE_SOFTWARE), the kernel excluded."""
    # type, size, config, period, sample_type, read_format, then flags: exclude_kernel, exclude_hv
    return ctypes.create_string_buffer(struct.pack("=IIQQQQQ", 1, 112, 0, 0, 0, 0, 0b1100000), 112)


def bpf_map():
    """Return attributes of an array of one number."""
    return ctypes.create_string_buffer(struct.pack("=IIII", 2, 4, 8, 1), 72)


def advise():
    """Tell the kernel that a page of ours is cold, by the call that works on others too."""
    page = mmap.mmap(-1, 4096)
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    vector = ctypes.create_string_buffer(struct.pack("=QQ", start, 4096))
    call("process_madvise", os.pidfd_open(os.getpid()), vector, 1, 20, 0)


def outcome(code):
    """Return ``done``, the name of the error, or that of the signal."""
    read, write = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(read)
        signal.alarm(PATIENCE)
        os.write(write, met(code).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        answer = stream.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return answer or (signal.Signals(-status).name if status < 0 else f"exit {status}")


def met(code):
    """Run one attempt's code here."""
    try:
        exec(code, globals())  # noqa: S102  # the attempts are the point
    except OSError as exc:
        return errno.errorcode.get(exc.errno, type(exc).__name__)
    except BaseException as exc:  # noqa: BLE001  # any way of failing is an answer
        return type(exc).__name__
    return "done"


if __name__ == "__main__":
    TASK = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    globals().update(TASK["names"])
    NUMBERS.update(TASK["numbers"])
    SUPERVISOR = os.getppid()
    outcomes = {}
    for wanted, text in TASK["attempts"].items():
        # Each its own file, so that one attempt's success does not spoil the next.
        globals().update(TASK["own"].get(wanted, {}))
        outcomes[wanted] = outcome(text)
    print(json.dumps(outcomes))

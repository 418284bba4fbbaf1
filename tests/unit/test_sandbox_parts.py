"""The parts of the sandbox that need no sandbox."""

import os
import struct

import pytest

from modelport.sandbox import (
    Limits,
    cgroup,
    default_limits,
    folder,
    landlock,
    plan,
    process_tree,
    seccomp,
    stage,
    view,
)
from modelport.sandbox.syscalls import NUMBERS

LIMITS = Limits(10.0, 1 << 30, 1 << 20, 100, 64, 2, 1 << 20)
PLAN = plan.Plan(
    argv=("/usr/bin/python3", "-c", "pass"),
    job="/srv/job",
    readable=("/srv/model",),
    limits=LIMITS,
    environment={"EXTRA": "1"},
    landlock=7,
    seccomp=True,
    bubblewrap="",
    identities=False,
    cgroups=False,
)
ALLOW = seccomp.ALLOW
EPERM = seccomp.ERRNO | 1


def verdict(code: bytes, number: int, *args: int, audit: int = 0xC000003E) -> int:
    """Return what the filter ``code`` answers: a small machine for the five instructions used."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *(*args, 0, 0, 0, 0, 0, 0)[:6])
    steps = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    value = at = 0
    while True:
        operation, yes, no, k = steps[at]
        at += 1
        if operation == seccomp.RETURN:
            return k
        if operation == seccomp.LOAD:
            value = struct.unpack_from("=I", data, k)[0]
        else:
            tests = {
                seccomp.EQUAL: value == k,
                seccomp.AT_LEAST: value >= k,
                seccomp.ANY_BIT: bool(value & k),
            }
            at += yes if tests[operation] else no


@pytest.mark.parametrize(
    ("number", "args", "want"),
    [
        pytest.param(0, (), ALLOW, id="read"),
        pytest.param(41, (2, 1), EPERM, id="socket"),
        pytest.param(53, (1, 1), ALLOW, id="socketpair"),
        pytest.param(56, (0x3D0F00,), ALLOW, id="clone-a-thread"),
        pytest.param(56, (0x10000011,), EPERM, id="clone-a-user-namespace"),
        pytest.param(435, (), seccomp.ERRNO | 38, id="clone3"),
        pytest.param(302, (0, 7), ALLOW, id="own-limit"),
        pytest.param(302, (99, 7), EPERM, id="limit-of-another"),
        pytest.param(141, (0, 0), ALLOW, id="own-priority"),
        pytest.param(141, (0, 99), EPERM, id="priority-of-another"),
        pytest.param(90, (), seccomp.ERRNO, id="chmod-claims-success"),
        pytest.param(0x40000000, (), EPERM, id="x32"),
    ],
)
def test_the_filter_answers_as_the_table_says(number, args, want):
    assert verdict(seccomp.program("x86_64"), number, *args) == want


def test_the_filter_kills_on_another_architecture():
    assert verdict(seccomp.program("x86_64"), 0, audit=0x40000003) == seccomp.KILL


def test_the_filter_of_aarch64_refuses_its_own_socket_call():
    assert verdict(seccomp.program("aarch64"), 198, audit=0xC00000B7) == EPERM


def test_no_call_has_two_names_in_a_table():
    assert all(len(set(table.values())) == len(table) for table in NUMBERS.values())


def test_an_unknown_machine_has_no_filter():
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program("riscv64")


def test_a_plan_survives_the_pipe():
    assert plan.from_json(PLAN.to_json()) == PLAN


def test_only_the_jobs_own_places_and_the_sinks_are_writable():
    writing = landlock.WRITE_FILE | landlock.MAKE_DIR | landlock.TRUNCATE
    found = {path for path, rights in view.grants(PLAN) if rights & writing}
    own = {f"/srv/job/{name}" for name in (*folder.FOLDERS, *folder.FILES)}
    assert found == own | {"/dev/null", "/dev/full"}


def test_nothing_writable_can_be_run():
    runnable = {path for path, rights in view.grants(PLAN) if rights & landlock.EXECUTE}
    assert not any(path.startswith("/srv") for path in runnable)


def test_an_environments_interpreter_brings_its_home(tmp_path):
    (tmp_path / "home" / "bin").mkdir(parents=True)
    (tmp_path / "home" / "lib").mkdir()
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "home" / "bin" / "python").touch()
    (tmp_path / "env" / "bin" / "python").symlink_to(tmp_path / "home" / "bin" / "python")
    found = view.interpreter(str(tmp_path / "env" / "bin" / "python"))
    assert found == [str(tmp_path / name) for name in ("env", "home/bin", "home/lib")]


def test_the_callers_variables_are_added_to_those_of_every_job():
    assert stage.environment(PLAN).items() >= {"EXTRA": "1", "OMP_NUM_THREADS": "2"}.items()


def test_usage_counts_what_was_written_and_not_what_was_given(tmp_path):
    folder.prepare(str(tmp_path), None)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "model").write_bytes(b"x" * (1 << 20))
    (tmp_path / "out" / "deep").mkdir()
    (tmp_path / "out" / "deep" / "model").write_bytes(b"x" * 70_000)
    usage = folder.usage(str(tmp_path))
    assert usage.largest == 70_000
    assert 70_000 <= usage.disk < 1 << 20


def test_a_sealed_folder_is_given_back_as_it_was(tmp_path):
    (tmp_path / "in").mkdir(mode=0o750)
    modes = folder.prepare(str(tmp_path), None)
    assert (tmp_path / "in").stat().st_mode & 0o222 == 0
    folder.reclaim(str(tmp_path), modes)
    assert (tmp_path / "in").stat().st_mode & 0o777 == 0o750


def test_default_limits_fit_the_machine():
    limits = default_limits()
    assert 0 < limits.memory < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert limits.threads <= os.cpu_count()


@pytest.mark.parametrize(
    ("version", "count"),
    [(0, 1), (1, 2), (3, 1), (6, 0), (7, 0)],
)
def test_every_gap_of_an_older_landlock_is_told(version, count):
    assert len(landlock.gaps(version)) == count


def test_the_load_of_this_process_is_seen():
    load = process_tree.load([os.getpid()])
    assert load.memory > 1 << 20
    assert load.tasks >= 1


def test_a_group_that_is_gone_is_removed_without_complaint(tmp_path):
    cgroup.remove([str(tmp_path / "gone")])
    assert not cgroup.starved([str(tmp_path / "gone")])

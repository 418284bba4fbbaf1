"""A job that the kernel ends because the machine, not the job, is short of memory."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from modelport.errors import OutOfMemory
from modelport.sandbox import Call, Jail, call, cgroup, default_limits, layers, prepare

MIB = 1 << 20
HUNGRY = """
from modelport_sdk import Inspector

def inspect(source, context):
    context.progress("ready", 0.5)
    while True:
        context.progress("wait", 0.6)
        bytearray(200 << 20)

hungry = Inspector("hungry", "base", inspect)
"""


@pytest.mark.skipif(not layers().in_force["cgroups"], reason="no control groups may be made here")
def test_what_the_kernel_ends_far_below_the_limit_is_not_said_to_have_reached_it(
    tmp_path, monkeypatch
):
    """A machine short of memory is played by lowering the limit of the job's own group."""
    (tmp_path / "hungry.py").write_text(HUNGRY)
    (tmp_path / "model").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    job = prepare(tmp_path / "job")

    def tighten(stage, _fraction):
        for name in ("memory.limit_in_bytes", "memory.max"):
            for group in Path(cgroup.ROOT).glob(f"**/{cgroup.PREFIX}*/{name}"):
                if any(str(job).encode() in line for line in commands(group.parent)):
                    group.write_text(str(150 * MIB))

    asked = Call("inspect", "hungry:hungry", Path(sys.executable), tmp_path / "model" / "m", {})
    jail = Jail(replace(default_limits("/"), memory=1024 * MIB))
    with pytest.raises(OutOfMemory, match=r"the kernel ended hungry for want of memory: .* 1\.0"):
        call(job, asked, jail, tighten)


def commands(group):
    """Yield the command lines of a group's processes."""
    for pid in cgroup.members([str(group)]):
        yield Path(f"/proc/{pid}/cmdline").read_bytes()

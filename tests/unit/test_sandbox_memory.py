"""What a runtime finds in memory that nobody has written to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelport.sandbox.call import FILLED

CODE = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
for _ in range({warm}):
    libc.free(ctypes.c_void_p(libc.malloc({size})))
print(bytes((ctypes.c_ubyte * 16).from_address(libc.malloc({size}))) == b"@" * 16)
"""


@pytest.mark.parametrize(
    ("size", "warm"),
    [
        pytest.param(64, 0, id="small"),
        pytest.param(64, 9, id="small-and-used-before"),
        pytest.param(1 << 22, 0, id="mapped"),
    ],
)
def test_memory_is_never_zero_by_luck(size: int, warm: int) -> None:
    argv = [sys.executable, "-c", CODE.format(size=size, warm=warm)]
    done = subprocess.run(argv, env=FILLED, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"

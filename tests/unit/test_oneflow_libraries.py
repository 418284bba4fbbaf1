"""The shared objects that stand in for cuDNN and cuBLAS, loaded and called."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from modelport_plugins.oneflow.libraries import shared_object

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 code")
NAME = "libcudnn_ops_infer.so.8"
SYMBOLS = dict.fromkeys(("cudnnCreate", "cudnnGetProperty", "listen", "socket"), NAME)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / NAME
    made.write_bytes(shared_object(NAME, SYMBOLS))
    return made


def test_the_version_is_told(path: Path) -> None:
    loaded, number = ctypes.CDLL(str(path)), ctypes.c_int()
    told = []
    for part in range(3):
        assert loaded.cudnnGetProperty(part, ctypes.byref(number)) == 0
        told.append(number.value)
    assert told == [8, 5, 0]


def test_a_cluster_of_one_needs_no_socket(path: Path) -> None:
    loaded = ctypes.CDLL(str(path))
    handle = loaded.socket(2, 1, 0)
    assert str(Path(f"/proc/self/fd/{handle}").readlink()) == "anon_inode:[eventfd]"
    assert loaded.listen(handle, 1) == 0
    os.close(handle)


def test_any_other_call_ends_the_process_with_its_name(path: Path) -> None:
    code = f"import ctypes; ctypes.CDLL({str(path)!r}).cudnnCreate()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -6
    assert f"{NAME}: cudnnCreate was called" in done.stderr


def test_a_name_that_is_not_there_is_not_found(path: Path) -> None:
    with pytest.raises(AttributeError):
        _ = ctypes.CDLL(str(path)).cudnnDestroy

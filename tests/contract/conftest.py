"""The two modes in which sandbox tests run, and folders that other users can pass through."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from modelport.sandbox import layers


@pytest.fixture(scope="module", params=["bubblewrap", "no-bubblewrap"])
def namespaces(request):
    """Let the probe find bubblewrap or not; skip where there is none to be found."""
    path = os.environ["PATH"]
    os.environ["PATH"] = path if request.param == "bubblewrap" else "/nonexistent"
    layers.cache_clear()
    found = layers().in_force["bubblewrap"]
    os.environ["PATH"] = path
    if request.param == "bubblewrap" and not found:
        pytest.skip("bubblewrap is not installed, or may not make namespaces")
    yield request.param
    layers.cache_clear()


def _passage():
    # Not pytest's own: the next run of pytest by the same user makes that private again.
    folder = Path(tempfile.mkdtemp(prefix="modelport-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def passage():
    """A temporary folder that a job with a user of its own can pass through."""
    yield from _passage()


@pytest.fixture(scope="module")
def long_passage():
    """The same, for all tests of a module."""
    yield from _passage()

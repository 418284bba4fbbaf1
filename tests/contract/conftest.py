"""The two modes in which sandbox tests run: with bubblewrap, and with the probe for it off."""

import os

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

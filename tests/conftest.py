"""What all tests share: markers for environments, and where optional material stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelport.engine import House
from modelport.silence import SILENT

os.environ.update(SILENT)  # tests start interpreters of `base` themselves
ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests whose environment is not built, with its name and the command."""
    needing = [(item, mark.args[0]) for item in items for mark in item.iter_markers("env")]
    if not needing:
        return
    house = House.open()
    for item, name in needing:
        status = house.envs.status(name)
        if not status.ready:
            reason = f"environment {name}: {status.reason}; run {status.command}"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def house() -> House:
    """The house of this machine, with its built environments."""
    return House.open()


@pytest.fixture(scope="session")
def base_python() -> Path:
    """The interpreter of the environment `base`."""
    house = House.open()
    if not house.envs.status("base").ready:
        pytest.skip("environment base is not built; run modelport env build base")
    return house.envs.python("base")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of samples and hostile files that only the makers have."""
    folder = Path(os.environ.get("MODELPORT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("no shared folder beside the repository")
    return folder

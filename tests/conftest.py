"""What all tests share: markers for environments, and where optional material stands."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import Postgres, missing

from modelport.engine import House
from modelport.silence import SILENT

os.environ.update(SILENT)  # tests start interpreters of `base` themselves
ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--env``; `make test-env` uses it."""
    told = "run only the tests that need this environment, or, with `all`, any but base; builds it"
    parser.addoption("--env", default="", metavar="NAME", help=told)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests whose environment is not built, with its name and the command."""
    chosen = config.getoption("--env")
    if chosen:
        _select(config, items, chosen)
    needing = [(item, name) for item in items for name in _needs(item)]
    if not needing:
        return
    house = House.open()
    for item, name in needing:
        status = house.envs.status(name)
        if not status.ready:
            reason = f"environment {name}: {status.reason}; run {status.command}"
            item.add_marker(pytest.mark.skip(reason=reason))


def _needs(item: pytest.Item) -> list[str]:
    return [str(mark.args[0]) for mark in item.iter_markers("env")]


def _select(config: pytest.Config, items: list[pytest.Item], chosen: str) -> None:
    """Keep the tests that need the environment ``chosen``, and build what they need."""
    envs = House.open().envs
    wanted = set(envs.known) - {"base"} if chosen == "all" else {chosen}
    if unknown := wanted - set(envs.known):
        known = ", ".join(sorted(envs.known))
        raise pytest.UsageError(f"no environment {unknown.pop()}; there are: {known}, all")
    kept = [item for item in items if wanted & set(_needs(item))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
    for name in sorted(wanted | {name for item in kept for name in _needs(item)}):
        envs.build(name, print)


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that is there as long as the tests run."""
    if reason := missing():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="modelport-postgres-"))
    found = Postgres(folder)
    yield found
    found.stop()
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The address of an empty database of either kind; None for a file in the home."""
    if request.param == "sqlite":
        return None
    return request.getfixturevalue("postgres").database()

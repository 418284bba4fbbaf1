"""The page's types are those of the service: ``npm run types`` was run after the last change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelport_api.app import create
from modelport_api.settings import Settings

TYPES = Path(__file__).resolve().parents[2] / "frontend" / "src" / "api" / "schema.d.ts"


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every schema of the OpenAPI document with the names of its properties."""
    app = create(Settings(home=tmp_path_factory.mktemp("home")))
    found = app.openapi()["components"]["schemas"]
    return {name: set(schema.get("properties", {})) for name, schema in found.items()}


def test_every_property_of_the_interface_is_in_the_types(schemas: dict[str, set[str]]) -> None:
    text = TYPES.read_text("utf-8").partition("schemas: {")[2]
    bodies = re.findall(r"(?ms)^        (\w+): \{\n(.*?)^        \}", text)
    written = {n: set(re.findall(r"(?m)^            (\w+)\??:", body)) for n, body in bodies}
    assert {name: written.get(name) for name in schemas} == schemas

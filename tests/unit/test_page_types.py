"""The page's types are those of the service: ``npm run types`` has been run since the last change."""

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
    written = {
        name: set(re.findall(r"^            (\w+)\??:", body, re.MULTILINE))
        for name, body in re.findall(r"^        (\w+): \{\n(.*?)^        \}", text, re.M | re.S)
    }
    assert {name: written.get(name) for name in schemas} == schemas

"""Finds the plugins: the one place that knows where they come from."""

from __future__ import annotations

import importlib
import os
import pkgutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from modelport.model import Environment
from modelport_sdk import Converter, Format, Inspector, Runtime, Weights

T = TypeVar("T")

GROUP = "modelport.plugins"
BUILT_IN = "builtin"


@dataclass
class Registry:
    """The loaded plugins, each under the reference that a worker can import.

    Attributes:
        refs: ``module:name`` by the identity of the plugin.
        environments: By name; read from the ``environment.toml`` files of the plugins.
    """

    formats: dict[str, Format] = field(default_factory=dict[str, Format])
    converters: dict[str, Converter] = field(default_factory=dict[str, Converter])
    inspectors: dict[str, Inspector] = field(default_factory=dict[str, Inspector])
    runtimes: dict[str, Runtime] = field(default_factory=dict[str, Runtime])
    weights: dict[str, Weights] = field(default_factory=dict[str, Weights])
    environments: dict[str, Environment] = field(default_factory=dict[str, Environment])
    refs: dict[int, str] = field(default_factory=dict[int, str])

    @classmethod
    def load(cls, enabled: frozenset[str] | None = None) -> Registry:
        """Return a registry of the built-in plugins and of the packages named in ``enabled``.

        Installed packages announce plugins by the entry point ``modelport.plugins``;
        those not built in stay off until the setting ``MODELPORT_PLUGINS`` names them.
        """
        if enabled is None:
            names = os.environ.get("MODELPORT_PLUGINS", "")
            enabled = frozenset(name.strip() for name in names.split(",") if name.strip())
        registry = cls()
        for entry in entry_points(group=GROUP):
            if entry.name == BUILT_IN or entry.name in enabled:
                registry.add_package(importlib.import_module(entry.value))
        return registry

    def add_package(self, package: ModuleType) -> None:
        """Register every plugin and environment of ``package`` and of its sub-packages."""
        for module in _walk(package):
            self.add_module(module)

    def add_module(self, module: ModuleType) -> None:
        """Register the plugins bound to a name of ``module``, and the environment beside it.

        Raises:
            ValueError: Two plugins claim the same id.
        """
        for name, value in vars(module).items():
            if isinstance(value, Format):
                self._add(self.formats, value.id, value, module, name)
            elif isinstance(value, Converter):
                self._add(self.converters, value.id, value, module, name)
            elif isinstance(value, Inspector):
                self._add(self.inspectors, value.format, value, module, name)
            elif isinstance(value, Runtime):
                self._add(self.runtimes, value.format, value, module, name)
            elif isinstance(value, Weights):
                self._add(self.weights, value.format, value, module, name)
        if hasattr(module, "__path__") and module.__file__ is not None:
            definition = Path(module.__file__).with_name("environment.toml")
            if definition.is_file():
                environment = _environment(definition)
                self.environments[environment.name] = environment

    def ref(self, plugin: object) -> str:
        """Return ``module:name`` of a registered plugin."""
        return self.refs[id(plugin)]

    def _add(self, table: dict[str, T], key: str, value: T, module: ModuleType, name: str) -> None:
        if key in table and table[key] is not value:
            here, there = f"{module.__name__}:{name}", self.refs[id(table[key])]
            raise ValueError(f"{here} and {there} both claim {key!r}")
        table[key] = value
        self.refs.setdefault(id(value), f"{module.__name__}:{name}")


def _environment(definition: Path) -> Environment:
    values: Mapping[str, Any] = tomllib.loads(definition.read_text("utf-8"))
    lock, extra = (definition.with_name(f"requirements.{kind}") for kind in ("lock", "extra.lock"))
    return Environment(
        name=values["name"],
        python=values["python"],
        requires=tuple(sorted(values["requires"])),
        lock=lock.read_text("utf-8") if lock.is_file() else "",
        extra=extra.read_text("utf-8") if extra.is_file() else "",
        remove=tuple(values.get("remove", ())),
        remove_files=tuple(values.get("remove_files", ())),
        prepare=_script(definition, values.get("prepare", "")),
        health=tuple(values.get("health", ())),
        serves=tuple(values.get("serves", ())),
    )


def _script(definition: Path, name: str) -> str:
    return definition.with_name(name).read_text("utf-8") if name else ""


def _walk(module: ModuleType) -> Iterator[ModuleType]:
    yield module
    for info in pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}."):
        yield importlib.import_module(info.name)

"""Inputs for tracing and exporting: shapes that the model takes, and which sizes are free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelport_plugins.pytorch.port import Argument, arguments
from modelport_plugins.pytorch.script import kept_state
from modelport_plugins.pytorch.script_inspector import demands
from modelport_plugins.pytorch.script_probe import probe
from modelport_sdk import Context, DynamicShapeRequired, UnsupportedFeature


@dataclass(frozen=True)
class Example:
    """Inputs that a TorchScript module took in a trial run.

    Attributes:
        fed: The arguments of its ``forward``.
        feeds: Tensors by name.
        axes: Free axes by input or output: ``{"x": {0: "batch"}}``.
        outputs: Names of the outputs.
    """

    fed: tuple[Argument, ...]
    feeds: Mapping[str, Any]
    axes: Mapping[str, dict[int, str]]
    outputs: tuple[str, ...]


def example(module: Any, ctx: Context) -> Example:
    """Return inputs for ``module``, of the shapes in ``ctx.shapes`` where those are given.

    Raises:
        DynamicShapeRequired: No shape was found that the module takes.
        UnsupportedFeature: It takes something other than tensors, or remembers calls.
    """
    try:
        fed = arguments(module)
    except TypeError as exc:
        raise UnsupportedFeature(f"forward takes something other than tensors: {exc}") from exc
    if state := kept_state(module):
        raise UnsupportedFeature(
            f"forward keeps state from call to call in {', '.join(state)[:200]}",
            hint="Export a forward that takes the state as an input and returns the new one.",
        )
    accepted = probe(module, fed, demands(module, fed), ctx.shapes)
    if accepted is None:
        names = ", ".join(leaf for argument in fed for leaf in argument.leaves)
        raise DynamicShapeRequired(
            f"the model runs on none of the shapes tried for {names}",
            hint="Give the shape of every input.",
        )
    axes: dict[str, dict[int, str]] = {}
    for name, asked in accepted.inputs.items():
        axes[name] = {i: word for i, word in enumerate(asked.shape) if isinstance(word, str)}
    for name, (_, shape) in accepted.outputs.items():
        free = {i: w for i, w in enumerate(shape or ()) if not isinstance(w, int)}
        axes[name] = {i: word or f"{name}_{i}" for i, word in free.items()}
    free_axes = {name: words for name, words in axes.items() if words}
    return Example(fed, accepted.feeds, free_axes, tuple(accepted.outputs))

"""Runs a model.py in OneFlow, and saves it as a compiled nn.Graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import state
from modelport_plugins.oneflow.code_inspector import weights
from modelport_plugins.oneflow.library import library
from modelport_plugins.oneflow.module import guard
from modelport_plugins.oneflow.runtime import TITLE, last_line
from modelport_sdk import Context, UnsupportedFeature, change, converter, runtime
from modelport_sdk.plugins import Session

MODEL, GRAPH = "model.mlir", "_graph"


@runtime(format="oneflow-code", env="oneflow", title=TITLE, variants=change.VARIANTS)
def load_code(model: Path, variant: str, ctx: Context) -> Session:
    """Load a model.py that modelport wrote, and run it eagerly.

    Raises:
        UnsafeModel: It says something that modelport does not write.
        CorruptModel: A weight is missing or damaged.
    """
    ports, module = _module(model, variant, ctx)
    flow = library(ctx.threads)

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        with flow.no_grad():
            made = module(*(flow.tensor(feeds[port[1]]) for port in ports["inputs"]))
        results = made if isinstance(made, tuple) else (made,)
        return {port[1]: one.numpy() for port, one in zip(ports["outputs"], results)}

    return session


@converter(source="oneflow-code", target="oneflow", env="oneflow")
def oneflow_code_to_oneflow(source: Path, out: Path, options: object, ctx: Context) -> None:
    """Compile a model.py as an nn.Graph and save it, with OneFlow itself.

    Raises:
        UnsafeModel: It says something that modelport does not write.
        UnsupportedFeature: OneFlow cannot compile or save it.
    """
    import numpy as np

    ports, module = _module(source, "plain", ctx)
    flow = library(ctx.threads)
    feeds = [flow.tensor(np.zeros(one[3], one[2])) for one in ports["inputs"]]
    folder = out / f"{ctx.name}{GRAPH}"

    class Net(flow.nn.Graph):  # type: ignore[name-defined,misc]  # no types
        def __init__(self) -> None:
            super().__init__()
            self.m = module

        def build(self, *values: Any) -> Any:
            return self.m(*values)

    try:
        graph = Net()
        graph(*feeds)
        flow.save(graph, str(folder))
    except Exception as exc:  # classes of the runtime's own, with no common base
        raise UnsupportedFeature(f"OneFlow cannot compile this: {last_line(exc)}") from exc
    if not (folder / MODEL).is_file():
        raise UnsupportedFeature("OneFlow compiled the graph and saved none")
    for place, port in enumerate(ports["inputs"]):
        ctx.input(port[1], f"input_{place}", shape=port[3])
    for place, port in enumerate(ports["outputs"]):
        ctx.output(port[1], f"output_{place}")


def _module(source: Path, variant: str, ctx: Context) -> tuple[dict[str, list[Any]], Any]:
    """Return the ports and the module with its weights."""
    text = source.read_text("utf-8")
    ports = guard.ports(text)
    arrays = state.read(weights(source))
    change.alter(arrays, variant)
    flow = library(ctx.threads)
    names: dict[str, Any] = {"__name__": "model", "__file__": source.name}
    exec(compile(text, source.name, "exec"), names)  # noqa: S102  # the guard has read every word
    module = names["Model"]()
    module.load_state_dict({name: flow.tensor(array) for name, array in arrays.items()})
    return ports, module.eval()

"""Describes TorchScript modules: their signature, operators, parameters and likely shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.port import DTYPES, Argument, arguments
from modelport_plugins.pytorch.script import load_script
from modelport_plugins.pytorch.script_probe import Accepted, probe
from modelport_plugins.pytorch.script_shape import Demand, demand
from modelport_sdk import Context, UnsupportedFeature, inspector


@inspector(format="torchscript")
def inspect_torchscript(path: Path, ctx: Context) -> Mapping[str, Any]:
    """Load the module and say what it takes; shapes come from its layers and trial runs."""
    return describe(load_script(path), ctx, "torchscript")


def describe(module: Any, ctx: Context, format: str) -> dict[str, Any]:
    """Return the description of a ScriptModule.

    Raises:
        UnsupportedFeature: An argument of ``forward`` is no tensor.
    """
    import torch

    torch.set_num_threads(ctx.threads)
    try:
        fed = arguments(module)
    except TypeError as exc:
        raise UnsupportedFeature(
            f"forward takes something other than tensors: {exc}",
            hint="Wrap the model so that its forward takes tensors only.",
        ) from exc
    asked = demands(module, fed)
    accepted = probe(module, fed, asked, ctx.shapes)
    if accepted is None:
        accepted = Accepted({}, asked, dict.fromkeys(_output_names(module), ("float32", None)))
        ctx.note("No input shape could be found that the model takes; give one with a shape.")
    operators = _operators(module)
    return {
        "format": format,
        "inputs": [_tensor(name, found) for name, found in accepted.inputs.items()],
        "outputs": [
            {"name": name, "dtype": dtype, "shape": None if shape is None else list(shape)}
            for name, (dtype, shape) in accepted.outputs.items()
        ],
        "operators": operators,
        "parameters": counted(module.state_dict().values()),
        "opsets": {},
        "producer": "PyTorch",
        "nodes": sum(operators.values()),
        "metadata": {},
        "details": {"shapes": "inferred", "original_name": str(module.original_name)},
    }


def _tensor(name: str, asked: Demand) -> dict[str, Any]:
    shape = list(asked.shape) if asked.shape or asked.exact else None
    return {"name": name, "dtype": asked.dtype, "shape": shape, "hints": dict(asked.hints)}


def counted(state: Iterable[Any]) -> dict[str, int]:
    """Return the number of elements by dtype."""
    counts: Counter[str] = Counter()
    for tensor in state:
        counts[str(tensor.dtype).removeprefix("torch.")] += tensor.numel()
    return dict(counts)


def demands(module: Any, fed: tuple[Argument, ...]) -> dict[str, Demand]:
    """Return what the graph asks of each input; an open shape where it says nothing."""
    import torch

    try:
        graph = torch.jit.freeze(module, optimize_numerics=False).graph
    except RuntimeError:  # modules with mutable attributes cannot be frozen
        graph = module.inlined_graph
    places = {}
    for argument, value in zip(fed, list(graph.inputs())[1:], strict=False):
        places[argument.name] = value
    found: dict[str, Demand] = {}
    for argument in fed:
        for index, leaf in enumerate(argument.leaves):
            if argument.kind in DTYPES:
                found[leaf] = Demand((), DTYPES[argument.kind])
                continue
            value = _leaf_value(places.get(argument.name), argument, index)
            asked = demand(graph, value) if value is not None else None
            found[leaf] = asked or Demand((), exact=False)
    return found


def _leaf_value(value: Any, argument: Argument, index: int) -> Any:
    if argument.kind != "tuple" or value is None:
        return value
    for use in value.uses():
        if use.user.kind() == "prim::TupleUnpack":
            return list(use.user.outputs())[index]
    return None


def _operators(module: Any) -> dict[str, int]:
    counts: Counter[str] = Counter()
    graph = module.inlined_graph  # nodes are invalid once their graph is gone
    pending = [graph]
    while pending:
        for node in pending.pop().nodes():
            pending.extend(node.blocks())
            if not node.kind().startswith("prim::") or node.kind() in {"prim::If", "prim::Loop"}:
                counts[node.kind()] += 1
    return dict(counts)


def _output_names(module: Any) -> list[str]:
    kind = next(iter(module.graph.outputs())).type()
    if kind.kind() == "TupleType":
        return [f"out{index}" for index in range(len(kind.elements()))]
    return ["out0"]

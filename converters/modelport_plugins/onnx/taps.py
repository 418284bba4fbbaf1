"""Makes inner tensors of an ONNX graph visible as outputs, so that a wrong layer can be found.

Not for users: the engine puts it in front of a step whose result is different.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_onnx import graph as graphs
from modelport_plugins.onnx import output
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, UnsupportedFeature, converter, option

MOST = 1 << 30
"""Bytes of a model that is still rewritten for this: each round writes it again."""


@dataclass(frozen=True)
class Options:
    """Where to look: at first everywhere, then before a tensor that is known to be off."""

    off: str = option("", "A tensor that is off; only what it is computed from is looked at.")
    good: tuple[str, ...] = option(
        (), "Tensors that agree; what they are computed from is taken to agree too."
    )
    count: int = option(24, "How many tensors at most, spread evenly.", ge=1)


@dataclass(frozen=True)
class Made:
    """A float tensor that depends on an input: the node that makes it, and what that reads."""

    index: int
    node: Any
    name: str
    reads: tuple[str, ...]


@converter(
    source="onnx",
    target="onnx",
    variant="taps",
    role="instrument",
    options=Options,
    title="Makes inner tensors visible as outputs",
)
def taps(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Add outputs; declare each with ``node``, ``operator``, ``title`` and ``reads``."""
    model = read(source)
    if output.total_size(model) > MOST:
        raise UnsupportedFeature("the model is too large to look inside")
    graphs.sort(model.graph)
    types = _types(model)
    held = [value.name for value in model.graph.output]
    table = {made.name: made for made in _made(model.graph, types, set(held))}
    chosen = _spread(_suspects(model.graph, table, options), options.count)
    if options.off in table:
        chosen += [table[name] for name in table[options.off].reads]
    for made in {made.name: made for made in chosen}.values():
        if made.name not in held:
            model.graph.output.append(types[made.name])
            _declare(ctx, made)
    for name in held:
        if name in table:
            _declare(ctx, table[name])
    graphs.save(model, output.path(out, ctx))


def _declare(ctx: Context, made: Made) -> None:
    ctx.output(
        made.name,
        made.name,
        node=made.index,
        operator=graphs.operator_name(made.node),
        title=made.node.name,
        reads=list(made.reads),
    )


def _suspects(graph: Any, table: dict[str, Made], options: Options) -> list[Made]:
    """Return, in order, what ``off`` is computed from and no ``good`` tensor is."""
    if not options.off:
        return list(table.values())
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    before = _before(graph, makers, [options.off]) - _before(graph, makers, options.good)
    return [made for made in table.values() if made.index in before]


def _before(graph: Any, makers: dict[str, int], names: Iterable[str]) -> set[int]:
    """Return the nodes that ``names`` are computed by, directly or not."""
    found: set[int] = set()
    pending = [makers[name] for name in names if name in makers]
    while pending:
        index = pending.pop()
        if index not in found:
            found.add(index)
            read = graphs.outer_names(graph.node[index])
            pending += [makers[name] for name in read if name in makers]
    return found


def _types(model: Any) -> dict[str, Any]:
    """Return the ``ValueInfoProto`` of every tensor whose type is known."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(model).graph
    return {value.name: value for value in (*graph.value_info, *graph.output)}


def _made(graph: Any, types: dict[str, Any], held: set[str]) -> Iterator[Made]:
    """Yield the float tensors that depend on an input, and every output, in order."""
    from onnx import TensorProto

    floats = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE}
    moving = {value.name for value in graph.input} - set(graphs.initializers(graph))
    seen: set[str] = set()
    for index, node in enumerate(graph.node):
        names = graphs.outer_names(node)
        if not names & moving:
            continue
        moving.update(name for name in node.output if name)
        reads = tuple(sorted(names & seen))
        for name in filter(None, node.output):
            known = types.get(name)
            if name in held or (known and known.type.tensor_type.elem_type in floats):
                seen.add(name)
                yield Made(index, node, name, reads)


def _spread(entries: list[Any], count: int) -> list[Any]:
    """Return at most ``count`` entries at even distances, the last one among them."""
    if len(entries) <= count:
        return entries
    return [entries[(place + 1) * len(entries) // count - 1] for place in range(count)]

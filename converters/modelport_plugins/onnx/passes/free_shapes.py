"""Makes dimensions symbolic, so that a model exported for one batch takes any.

A symbol alone proves nothing: the result is run with two sizes, and must give for two
samples at once what it gives for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_onnx import graph as graphs
from modelport_onnx import shape as shapes
from modelport_onnx.signature import port
from modelport_plugins.onnx import output, session
from modelport_plugins.onnx.source import read
from modelport_sdk import BadOption, Context, UnsupportedFeature, converter, option

# Sums of other lengths are taken in another order; a mixed-up batch is off by far more.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    axes: tuple[str, ...] = option(
        (),
        "Axes to free, as PORT:AXIS=SYMBOL, e.g. x:0=batch,y:0=batch; by default the first axis "
        "of every input and output becomes batch.",
    )


@converter(
    source="onnx",
    target="onnx",
    variant="free-shapes",
    role="pass",
    options=Options,
    title="Makes the batch or other dimensions symbolic",
)
def free_shapes(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Free the axes and try the result.

    Raises:
        BadOption: An axis is not in the model.
        UnsupportedFeature: The graph is built for one size.
    """
    before = read(source, weights=False)
    model = read(source)
    axes = _axes(model, options.axes)
    changed = shapes.free(model, axes)
    if changed:
        ctx.note(f"{changed} lists of sizes follow the free dimension")
    output.write(model, before, out, ctx)
    loaded = output.check_loads(output.path(out, ctx), "free-shapes")
    if not options.axes:
        _try_batch(session.runner(loaded), before, ctx)


def _axes(model: Any, entries: tuple[str, ...]) -> dict[str, dict[int, str]]:
    ports = {
        value.name: port(value)["shape"]
        for value in [*graphs.graph_inputs(model), *model.graph.output]
    }
    if not entries:
        return {name: {0: "batch"} for name, sizes in ports.items() if sizes}
    chosen: dict[str, dict[int, str]] = {}
    for entry in entries:
        place, _, symbol = entry.rpartition("=")
        name, _, axis = place.rpartition(":")
        sizes = ports.get(name)
        if not symbol or sizes is None or not axis.isdigit() or int(axis) >= len(sizes):
            raise BadOption(
                f"no axis {entry!r} in this model",
                hint=f"Ports: {', '.join(ports)}; PORT:AXIS=SYMBOL.",
            )
        chosen.setdefault(name, {})[int(axis)] = symbol
    return chosen


def _try_batch(run: Any, before: Any, ctx: Context) -> None:
    import numpy as np

    random = np.random.default_rng(0)
    pair: dict[str, Any] = {}
    single: list[dict[str, Any]] = [{}, {}]
    for value in graphs.graph_inputs(before):
        about = port(value)
        given = ctx.shapes.get(value.name, ())
        sizes = [
            s if isinstance(s, int) else (given[k] if k < len(given) else 1)
            for k, s in enumerate(about["shape"] or [])
        ]
        for k in range(2):
            whole = "int" in about["dtype"] or about["dtype"] == "bool"
            draw = random.integers(0, 2, sizes) if whole else random.standard_normal(sizes)
            single[k][value.name] = draw.astype(about["dtype"])
        parts = [single[k][value.name] for k in range(2)]
        pair[value.name] = np.concatenate(parts) if sizes else parts[0]
    apart = [run(feeds) for feeds in single]
    try:
        together = run(pair)
    except Exception as exc:  # a class of the runtime's own, with no common base
        raise UnsupportedFeature("an operator of this model is built for one batch size") from exc
    for name, got in together.items():
        want = np.concatenate([apart[0][name], apart[1][name]]) if got.ndim else apart[0][name]
        if want.shape != got.shape or not np.allclose(
            want, got, TOLERANCE, TOLERANCE, equal_nan=True
        ):
            raise UnsupportedFeature(f"output {name} mixes the samples of a batch")

"""What every pass does with its result: keep the ports, write it, load it once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelport_onnx import external
from modelport_onnx import graph as graphs
from modelport_onnx.signature import type_name
from modelport_plugins.onnx import session
from modelport_sdk import Context, UnsupportedFeature, first_line

PROTOBUF_LIMIT = 2**31 - 1


def path(out: Path, ctx: Context) -> Path:
    """Return where a pass writes its model."""
    return out / f"{ctx.name}.onnx"


def write(model: Any, before: Any, out: Path, ctx: Context, *, gone: Sequence[str] = ()) -> None:
    """Write ``model`` after checking that it has the ports of ``before``, but for ``gone``.

    Raises:
        UnsupportedFeature: The tool lost, renamed or reordered an input or output.
    """
    check_ports(model, before, gone=gone)
    graphs.save(model, path(out, ctx))


def check_ports(model: Any, before: Any, *, gone: Sequence[str] = ()) -> None:
    """Compare names, order and types of inputs and outputs.

    Raises:
        UnsupportedFeature: They differ.
    """
    want = _ports([v for v in graphs.graph_inputs(before) if v.name not in gone])
    if _ports(graphs.graph_inputs(model)) != want:
        raise UnsupportedFeature("the tool changed the inputs of this model")
    if _ports(model.graph.output) != _ports(before.graph.output):
        raise UnsupportedFeature("the tool changed the outputs of this model")


def _ports(values: Any) -> list[tuple[str, str]]:
    return [(value.name, type_name(value.type)) for value in values]


def check_loads(model: Any, tool: str, *, level: str = "plain") -> Any:
    """Return a session on ``model`` (a path or bytes).

    Raises:
        UnsupportedFeature: ONNX Runtime refuses it, although ``tool`` reported success.
    """
    try:
        return session.open_session(model, level=level)
    except Exception as exc:  # a class of the runtime's own, with no common base
        text = first_line(exc)
        if not isinstance(model, bytes):
            text = text.replace(f"{Path(model).parent}/", "")
        raise UnsupportedFeature(f"{tool} wrote a model that ONNX Runtime refuses: {text}") from exc


def run_python(code: str, ctx: Context, *args: Any, tool: str) -> None:
    """Run ``code`` (its arguments in ``sys.argv[1:]``) in an interpreter of its own.

    Some tools crash on valid models; so they take themselves down and not the worker.

    Raises:
        UnsupportedFeature: It crashed, or raised; with its own last line.
    """
    ctx.scratch.mkdir(exist_ok=True)
    done = ctx.run_tool([sys.executable, "-I", "-B", "-c", code, *map(str, args)])
    if done.status < 0:
        raise UnsupportedFeature(f"{tool} crashed on this model (signal {-done.status})")
    if done.status:
        lines = [line.strip() for line in done.text.splitlines() if line.strip()]
        last = lines[-1] if lines else f"exit status {done.status}"
        words = last.replace(f"{ctx.job}/", "").rstrip(".")[:300]
        raise UnsupportedFeature(f"{tool} refused this model: {words}")


def total_size(model: Any) -> int:
    """Return the bytes of all weights, inside the message and beside it."""
    return external.size(model) + graphs.weight_bytes(model)


def collect(tool: str, written: Path, source: Path, out: Path, ctx: Context) -> None:
    """Take over what a tool wrote to ``written``: check its ports, write it as the result."""
    if not written.is_file() or not written.stat().st_size:
        raise UnsupportedFeature(f"{tool} wrote no model")
    before = graphs.load(source, weights=False)
    write(graphs.load(written), before, out, ctx)
    # A model with operators of its own loads nowhere, before as after.
    own = [name for name in graphs.operator_counts(before) if "::" in name]
    if all(name.startswith(("com.microsoft::", "ai.onnx")) for name in own):
        check_loads(path(out, ctx), tool)

"""Describes ExportedPrograms by their signature, symbolic sizes and operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.program import load_program, output_leaves, user_inputs
from modelport_plugins.pytorch.script_inspector import counted
from modelport_sdk import Context, inspector

OPEN = 1 << 40  # a bound beyond any real size, which is how an open one may be written


@inspector(format="pt2")
def inspect_pt2(path: Path, ctx: Context) -> Mapping[str, Any]:
    """Check the archive, load the program, and read its signature; nothing is run."""
    program = load_program(path)
    values = {node.name: node for node in program.graph.nodes}
    operators = Counter(
        str(node.target) for node in program.graph.nodes if node.op == "call_function"
    )
    inputs = [name for name, fixed in user_inputs(program) if fixed is None]
    return {
        "format": "pt2",
        "inputs": [_tensor(name, values[name].meta["val"], values) for name in inputs],
        "outputs": _outputs(program, values),
        "operators": dict(operators),
        "parameters": counted(program.state_dict.values()),
        "opsets": {},
        "producer": "PyTorch",
        "nodes": sum(operators.values()),
        "metadata": {},
        "details": {"ranges": _ranges(program)},
    }


def _tensor(name: str, value: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    if not isinstance(value, torch.Tensor):
        dtype = "bool" if isinstance(value, bool | torch.SymBool) else "int64"
        return {"name": name, "dtype": dtype, "shape": [], "hints": {}}
    return {
        "name": name,
        "dtype": str(value.dtype).removeprefix("torch."),
        "shape": [size if isinstance(size, int) else str(size) for size in value.shape],
        "hints": _hints(values[name]) if name in values else {},
    }


def _hints(node: Any) -> dict[str, int]:
    """Return the bounds that an embedding implies for the indices it is given."""
    for user in node.users:
        if "embedding" in str(user.target) and len(user.args) > 1 and user.args[1] is node:
            rows = user.args[0].meta["val"].shape[0]
            return {"minimum": 0, "maximum": int(rows) - 1}
    return {}


def _outputs(program: Any, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the outputs under the names that a run gives them."""
    leaves = output_leaves(program)
    return [
        {
            **_tensor(name, values[leaf].meta["val"] if isinstance(leaf, str) else leaf, {}),
            "hints": {},
        }
        for name, leaf in leaves.items()
    ]


def _ranges(program: Any) -> dict[str, list[int | None]]:
    """Return smallest and largest size a symbol; None where there is no bound."""
    found: dict[str, list[int | None]] = {}
    for symbol, limits in program.range_constraints.items():
        texts = (str(limits.lower), str(limits.upper))
        numbers = [int(text) if text.lstrip("-").isdigit() else None for text in texts]
        bounds = [None if number is None or abs(number) > OPEN else number for number in numbers]
        found[str(symbol)] = bounds
    return found

"""Loads TorchScript files; only ever called inside a sandboxed worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.script_guard import check_script
from modelport_sdk import CorruptModel, UnsupportedFeature, first_line


def load_script(path: Path) -> Any:
    """Return the ScriptModule in evaluation mode, on the CPU.

    Raises:
        CorruptModel: PyTorch cannot read it.
        UnsafeModel: It reads files.
        UnsupportedFeature: It has no ``forward``.
    """
    check_script(path)
    import torch

    try:
        module = torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, ValueError, EOFError, OSError, UnicodeDecodeError) as exc:
        raise CorruptModel(f"PyTorch cannot read it: {reason(exc)}") from exc
    if not hasattr(module, "forward"):
        raise UnsupportedFeature(
            "the TorchScript module has no method forward",
            hint="Save a module whose forward takes and returns tensors.",
        )
    return module.eval()


def reason(exc: BaseException) -> str:
    """Return the telling line of a TorchScript error: the last of its traceback, if it has one."""
    text = str(exc)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("RuntimeError:", "builtins."))]
    return telling[-1][:300] if telling else first_line(exc)


def kept_state(module: Any) -> list[str]:
    """Return the attributes that ``forward`` writes: its answer depends on earlier calls."""
    names = set()
    graph = module.inlined_graph  # nodes are invalid once their graph is gone
    pending = [graph]
    while pending:
        for node in pending.pop().nodes():
            pending.extend(node.blocks())
            if node.kind() == "prim::SetAttr":
                names.add(node.s("name"))
    return sorted(names)


def constants(module: Any) -> dict[str, Any]:
    """Return the tensors that tracing wrote into the graph itself."""
    import torch

    found: dict[str, Any] = {}
    graph = module.inlined_graph  # nodes are invalid once their graph is gone
    pending = [graph]
    while pending:
        for node in pending.pop().nodes():
            pending.extend(node.blocks())
            value = node.output().toIValue() if node.kind() == "prim::Constant" else None
            if isinstance(value, torch.Tensor):
                found[f"constant_{len(found)}"] = value
    return found

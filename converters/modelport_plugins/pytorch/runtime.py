"""Runs TorchScript and ExportedProgram files in PyTorch, as they are and deliberately altered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.port import arguments, named, values
from modelport_plugins.pytorch.program import call_program, load_program
from modelport_plugins.pytorch.script import constants, load_script
from modelport_sdk import Context, runtime
from modelport_sdk.plugins import Session

VARIANTS = ("unoptimised", "weights-ulp", "weights-fp16", "fault")
FAULTS = 5  # planted per model, spread over its depth
FACTOR = 1.01


@runtime(format="torchscript", title="PyTorch", variants=VARIANTS)
def run_torchscript(model: Path, variant: str, ctx: Context) -> Session:
    """Load a TorchScript file; inputs go by the names in the signature of ``forward``."""
    import torch

    torch.set_num_threads(ctx.threads)
    module = load_script(model)
    alter(variant, _script_state(module))
    fed = arguments(module)

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        with torch.no_grad(), execution(optimised=variant != "unoptimised"):
            return arrays(named(module(*values(fed, tensors(feeds)))))

    return session


@runtime(format="pt2", title="PyTorch", variants=VARIANTS)
def run_pt2(model: Path, variant: str, ctx: Context) -> Session:
    """Load an ExportedProgram; inputs go by the names of its graph signature."""
    import torch

    torch.set_num_threads(ctx.threads)
    program = load_program(model)
    state = {**program.state_dict, **_tensor_constants(program)}
    alter(variant, state)
    call = call_program(program)

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        with torch.no_grad(), execution(optimised=variant != "unoptimised"):
            return arrays(named(call(tensors(feeds))))

    return session


def execution(*, optimised: bool) -> Any:
    """Return a context in which oneDNN and TorchScript's optimiser are on, or both off."""
    import contextlib

    import torch

    stack = contextlib.ExitStack()
    if not optimised:
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(torch.jit.optimized_execution(should_optimize=False))
    return stack


def tensors(feeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays as tensors that own their memory."""
    import numpy as np
    import torch

    return {name: torch.from_numpy(np.array(array)) for name, array in feeds.items()}


def arrays(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tensors as arrays; bfloat16, which NumPy lacks, becomes float32."""
    import torch

    result = {}
    for name, tensor in outputs.items():
        dense = tensor.dequantize() if tensor.is_quantized else tensor.detach()
        dense = dense.float() if dense.dtype == torch.bfloat16 else dense
        result[name] = dense.contiguous().numpy()
    return result


def alter(variant: str, state: Mapping[str, Any]) -> None:
    """Change the tensors in place as the variant says.

    Those of two or more axes are taken for the weights of conv, linear and rnn layers.

    Raises:
        LookupError: No such variant, or no such fault.
    """
    import torch

    kind, _, number = variant.partition(":")
    if kind in {"plain", "unoptimised"}:
        return
    floats = [tensor for tensor in state.values() if tensor.is_floating_point()]
    heavy = [tensor for tensor in floats if tensor.dim() >= 2]
    with torch.no_grad():
        if kind == "weights-ulp":
            generator = torch.Generator().manual_seed(0)
            for tensor in floats:
                signs = torch.randint(0, 2, tensor.shape, generator=generator) * 2 - 1
                tensor.copy_(torch.nextafter(tensor, tensor + signs * (tensor.abs() + 1)))
        elif kind == "weights-fp16":
            for tensor in heavy:
                tensor.copy_(tensor.half().to(tensor.dtype))
        elif kind == "fault":
            _plant(heavy, int(number or 0))
        else:
            raise LookupError(variant)


def _plant(weights: list[Any], number: int) -> None:
    count = min(FAULTS, len(weights))
    if number >= count:
        raise LookupError(f"fault {number} of {count}")
    spread = [round(i * (len(weights) - 1) / max(count - 1, 1)) for i in range(count)]
    weights[spread[number]].mul_(FACTOR)


def _script_state(module: Any) -> dict[str, Any]:
    """Return parameters, buffers, and the constants that tracing wrote into the graph."""
    return {**module.state_dict(keep_vars=True), **constants(module)}


def _tensor_constants(program: Any) -> dict[str, Any]:
    import torch

    return {k: v for k, v in program.constants.items() if isinstance(v, torch.Tensor)}

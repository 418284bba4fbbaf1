"""Traces a Python module to TorchScript, with argument names of our choice."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from modelport_plugins.pytorch.export import refused
from modelport_plugins.pytorch.port import named


def traced(
    module: Any, args: Sequence[Any], names: Sequence[str], call: Callable[..., Any] | None = None
) -> Any:
    """Return ``module`` as a ScriptModule that takes tensors and returns them flat.

    Args:
        module: Holds the weights.
        args: Example inputs.
        names: Legal, distinct argument names, one an input.
        call: What to do with the inputs; the module itself unless given.
    """
    import torch

    class Flat(torch.nn.Module):
        """The module with plain positional tensors in and out."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *tensors: Any) -> Any:
            values = tuple(named((call or self.inner)(*tensors)).values())
            return values[0] if len(values) == 1 else values

    # torch.jit.trace takes the names of arguments from the signature.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in ("self", *names)]
    vars(Flat)["forward"].__signature__ = inspect.Signature(parameters)
    with torch.no_grad(), refused("the model cannot be traced"):
        flat = Flat()
        flat.training = False  # eval() would descend into exported modules, which refuse it
        return torch.jit.trace(flat, tuple(args), check_trace=False)

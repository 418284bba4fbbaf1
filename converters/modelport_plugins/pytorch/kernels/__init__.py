"""ONNX operators as functions that TorchScript can compile into a result.

They are written in the subset of Python that ``torch.jit.script`` takes, and become part
of the saved file: it needs PyTorch and none of this. ``torch`` is put into the modules by
``bind``, since a plugin must be importable where PyTorch is not installed.
"""

from __future__ import annotations

from types import ModuleType

from modelport_plugins.pytorch.kernels import (
    arithmetic,
    array,
    index,
    pool,
    quantised,
    recurrent,
    resize,
    size,
)

MODULES = (arithmetic, array, index, pool, quantised, recurrent, resize, size)


def bind() -> dict[str, ModuleType]:
    """Give every module its ``torch``; return them under the names that emitted code uses."""
    import torch

    for module in MODULES:
        vars(module).update(torch=torch, Tensor=torch.Tensor)
    return {module.__name__.rsplit(".", 1)[1]: module for module in MODULES}

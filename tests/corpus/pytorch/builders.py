"""Writes TorchScript and ExportedProgram files for tests and for the scoreboard.

python tests/corpus/pytorch/builders.py FOLDER [NAME ...]
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

SEED = 0
REFUSED = ("bessel", "remembering")
"""Architectures that are there for a refusal."""


def _sibling(name: str) -> ModuleType:
    """Return the module in the file beside this one; the folder is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def model(name: str) -> tuple[Any, tuple[Any, ...]]:
    """Return the architecture with seeded weights and lively BatchNorm statistics."""
    import torch

    torch.manual_seed(SEED)
    module, example = _sibling("architectures").ARCHITECTURES[name]()
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return module.eval(), example


def torchscript(name: str, folder: Path) -> Path:
    """Trace the architecture and write ``NAME.pt``."""
    import torch

    module, example = model(name)
    path = folder / f"{name}.pt"
    with torch.no_grad():
        torch.jit.trace(module, example).save(str(path))
    return path


def scripted(name: str, folder: Path) -> Path:
    """Compile the architecture and write ``NAME-scripted.pt``."""
    import torch

    module, _ = model(name)
    path = folder / f"{name}-scripted.pt"
    torch.jit.script(module).save(str(path))
    return path


def exported(name: str, folder: Path) -> Path:
    """Export the architecture with a free batch size and write ``NAME.pt2``."""
    import torch

    module, example = model(name)
    batch = torch.export.Dim("batch", min=1, max=64)
    twice = tuple(torch.cat([item, item]) for item in example)
    shapes = tuple({0: batch} for _ in twice)
    path = folder / f"{name}.pt2"
    with torch.no_grad():
        program = torch.export.export(module, twice, dynamic_shapes=shapes)
    torch.export.save(program, str(path))
    return path


def onnx_file(name: str, path: Path) -> None:
    """Export the architecture to ONNX: input ``x``, free batch size, one name an output."""
    import torch

    module, example = model(name)
    with torch.no_grad():
        torch.onnx.export(
            module,
            example,
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            dynamic_axes={"x": {0: "batch"}},
        )


def main(argv: list[str]) -> None:
    """Write both files of the architectures named, or of all that can be traced and exported."""
    folder = Path(argv[0])
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in _sibling("architectures").ARCHITECTURES if name not in REFUSED]
    for name in argv[1:] or names:
        print(torchscript(name, folder))
        print(exported(name, folder))


if __name__ == "__main__":
    main(sys.argv[1:])

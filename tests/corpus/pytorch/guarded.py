"""Writes sound files of every kind that PyTorch saves, and runs the guards over them.

``python guarded.py FOLDER`` in ``base``; prints ``{name: what a guard said}`` as JSON.
"""

import json
import sys
from pathlib import Path

import torch

from modelport_plugins.pytorch.pickle_verdict import contents
from modelport_plugins.pytorch.program_guard import check_program
from modelport_plugins.pytorch.script_guard import check_script


class Net(torch.nn.Module):
    """Holds tensors of every make: views, expanded, transposed, empty, of every type."""

    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM(4, 8, 2, bidirectional=True)
        self.end = torch.nn.Linear(16, 3)
        base = torch.arange(24.0).reshape(4, 6)
        made = {
            "empty": torch.zeros(0, 3),
            "scalar": torch.tensor(2.0),
            "expanded": torch.ones(1, 5).expand(7, 5),
            "view": base[1:3, 2:5],
            "transposed": base.t(),
            "halved": torch.ones(3, dtype=torch.float16),
            "brain": torch.ones(5, dtype=torch.bfloat16),
            "flag": torch.ones(3, dtype=torch.bool),
            "complex": torch.ones(3, dtype=torch.complex64),
            "byte": torch.ones(3, dtype=torch.int8),
        }
        for name, value in made.items():
            self.register_buffer(name, value)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.end(y) + self.scalar, self.view.sum() + self.expanded.sum() + self.halved.sum()


class Open(torch.nn.Module):
    """Computes with open sizes, so that formulas are saved."""

    def forward(self, x):
        return torch.nn.functional.avg_pool1d(x.reshape(1, 1, -1)[..., :-1], 2)


def files(folder):
    """Return guard and path by name."""
    net = Net().eval()
    script = torch.jit.script(net)
    torch.jit.trace(net, torch.rand(5, 2, 4)).save(str(folder / "traced.pt"))
    script.save(str(folder / "scripted.pt"))
    torch.jit.freeze(script).save(str(folder / "frozen.pt"))
    state = net.state_dict()
    extra = {"step": 3, "q": torch.quantize_per_tensor(torch.rand(4), 0.1, 0, torch.qint8)}
    adam = torch.optim.Adam(net.parameters()).state_dict()
    torch.save({"model": state, "optimiser": adam, **extra}, str(folder / "checkpoint.pth"))
    torch.save(state, str(folder / "legacy.pth"), _use_new_zipfile_serialization=False)
    sizes = {"x": {0: torch.export.Dim("n", min=2, max=64)}}
    for name, module, dynamic in (("fixed", net, None), ("open", Open(), sizes)):
        feed = torch.rand(6, 4) if dynamic else torch.rand(5, 2, 4)
        program = torch.export.export(module, (feed,), dynamic_shapes=dynamic)
        torch.export.save(program, str(folder / f"{name}.pt2"))
    guards = {".pt": check_script, ".pt2": check_program, ".pth": contents}
    return {path.name: (guards[path.suffix], path) for path in sorted(folder.iterdir())}


def said(guard, path):
    try:
        guard(path)
    except Exception as exc:  # noqa: BLE001  # whatever it says is the finding
        return f"{type(exc).__name__}: {exc}"
    return ""


if __name__ == "__main__":
    found = files(Path(sys.argv[1]))
    print(json.dumps({name: said(guard, path) for name, (guard, path) in found.items()}))

"""Folders as OneFlow saves them, with one fault each; rows.toml says what becomes of them.

``GRAPHS`` change a small nn.Graph of operators.tar.xz in place, ``STATES`` write a state_dict.
"""

from __future__ import annotations

import pickle
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from modelport_plugins.oneflow import state, variable


def pickled(path: str, protocol: int = 1) -> bytes:
    """Return the pickle of a state_dict with one tensor, in the opcodes that OneFlow writes."""
    place = path.encode()
    return (
        b"\x80\x04}(\x8c\x10protocol_versionK" + bytes([protocol]) + b"\x8c\x04data}\x8c\x01w"
        b"\x8c\x07oneflow\x8c\x06Tensor\x93)\x81}\x8c\x04path\x8c" + bytes([len(place)]) + place
        + b"sbsu."
    )  # fmt: skip


def edited(folder: Path, old: str, new: str, count: int = 0) -> None:
    """Replace a text of model.mlir; all of it where no count is given."""
    path = folder / "model.mlir"
    text, found = re.subn(old, new, path.read_text("utf-8"), count=count)
    assert found, old
    path.write_text(text, "utf-8")


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def cut(folder: Path, at: str) -> None:
    path = folder / "model.mlir"
    text = path.read_text("utf-8")
    path.write_text(text[: text.index(at) + 4], "utf-8")


def unsaved(folder: Path) -> None:
    """Make the bias a tensor of a plain attribute, which OneFlow names so and leaves out."""
    shutil.rmtree(folder / "net.layer.bias")
    edited(folder, r"net\.layer\.bias", "net.layer-FreeEagerTensor-7")


GRAPHS: dict[str, Callable[[Path], object]] = {
    "none": lambda folder: None,
    "variable cut short": lambda folder: shortened(folder / "net.layer.bias" / "out"),
    "variable missing": lambda folder: shutil.rmtree(folder / "net.layer.bias"),
    "values missing": lambda folder: (folder / "net.layer.bias" / "out").unlink(),
    "variable outside": partial(edited, old=r'"net\.layer\.bias"', new='"../../etc"'),
    "tensor unsaved": unsaved,
    "text cut in a line": partial(cut, at="bias_add"),
    "text cut at a line": partial(cut, at="tensor<2x4x4x5xf32>\n    %output_2"),
    "operator unknown": partial(edited, old=r"oneflow\.(conv2d|bias_add)", new="oneflow.fancy_op"),
    "operator random": partial(edited, old=r"oneflow\.abs", new="oneflow.uniform"),
    "training": partial(edited, old="training = false", new="training = true"),
    "channels last": partial(edited, old="channels_first", new="channels_last"),
    "CUDA": partial(edited, old='device_tag = "cpu"', new='device_tag = "cuda"'),
}


def tensors(folder: Path) -> None:
    """Write the layout with a folder a tensor, and a pickle that names one of two."""
    array = np.arange(8, dtype=np.float32)
    state.write(folder, {"w": array, "spare": array})
    (folder / state.DONE).unlink()
    (folder / state.PICKLED).write_bytes(pickled("w"))


def told(folder: Path, data: bytes) -> None:
    tensors(folder)
    (folder / state.PICKLED).write_bytes(data)


def alone(folder: Path) -> None:
    folder.mkdir()
    (folder / state.DONE).touch()


def spoiled(folder: Path, fault: Callable[[Path], object]) -> None:
    tensors(folder)
    fault(folder / "w")


class Net:
    """Stands for a user's class that was pickled whole."""


def retyped(folder: Path) -> None:
    shutil.rmtree(folder)
    variable.save(folder.parent, "w", np.zeros(3, np.float32))
    meta = folder / "meta"
    meta.write_text(meta.read_text("utf-8").replace("kFloat", "kTensorBuffer"), "utf-8")


MODULE = pickle.dumps({"protocol_version": 1, "data": Net()}, 4)
STATES: dict[str, Callable[[Path], object]] = {
    "none": tensors,
    "module": partial(told, data=MODULE),
    "path outside": partial(told, data=pickled("../../../tmp/w")),
    "pickle cut short": partial(told, data=pickled("w")[:-3]),
    "protocol 2": partial(told, data=pickled("w", 2)),
    "tensor missing": partial(spoiled, fault=shutil.rmtree),
    "tensor cut short": partial(spoiled, fault=lambda folder: shortened(folder / "out")),
    "type unknown": partial(spoiled, fault=retyped),
    "older layout, no tensor": alone,
}

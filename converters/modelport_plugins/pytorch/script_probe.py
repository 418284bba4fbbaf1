"""Finds the shapes that a TorchScript model accepts by running it on made-up inputs.

The graph says that an image has three channels; only a run says whether 224 x 224 is
taken, and whether another size is as well. Runs are bounded by BUDGET; what was not
settled within it stays open.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelport_plugins.pytorch.port import Argument, named, values
from modelport_plugins.pytorch.script_shape import Demand, Shape

BUDGET = 20.0  # seconds
# Common input sizes: ImageNet, CIFAR, MNIST, detection, then lengths of audio frames.
SIDES = (64, 224, 32, 28, 96, 112, 128, 160, 24, 48, 12, 192, 256, 299, 227, 320)
LENGTHS = (16, 64, 128, 512, 1024, 16000, 256, 100, 576)
OTHER_RANKS: tuple[Shape, ...] = (
    ("batch", "length"),
    ("batch", 3, "height", "width"),
    ("batch", 1, "height", "width"),
    ("batch", "channels", "length"),
    ("batch",),
    (),
)


@dataclass(frozen=True)
class Accepted:
    """A set of shapes that the model took.

    Attributes:
        feeds: Tensors of those shapes, by name.
        inputs: By name; words for the sizes that were seen to be free.
        outputs: ``(dtype, shape)`` by name; None where a size moved with the input's.
    """

    feeds: Mapping[str, Any]
    inputs: Mapping[str, Demand]
    outputs: Mapping[str, tuple[str, Shape]]


def probe(
    module: Any,
    fed: tuple[Argument, ...],
    demands: Mapping[str, Demand],
    given: Mapping[str, tuple[int, ...]],
) -> Accepted | None:
    """Return shapes that the model takes, or None if none of those tried."""
    deadline = time.monotonic() + BUDGET
    known, preset = _fixed(demands, given)
    for trial in _trials(known):
        for sizes in _sizes(preset):
            if time.monotonic() > deadline:
                return None
            outputs = _run(module, fed, trial, sizes)
            if outputs is not None:
                return _settled(module, fed, trial, sizes, outputs=outputs, deadline=deadline)
            if not _open(trial) - set(preset):
                break
    return None


def _fixed(
    demands: Mapping[str, Demand], given: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Demand], dict[str, int]]:
    """Return the demands with the given ranks, and a size for each word that is given one."""
    known, preset = dict(demands), dict[str, int]()
    for name, shape in given.items():
        asked = demands.get(name)
        if asked is None:
            continue
        words = list(asked.shape) if len(asked.shape) == len(shape) else [None] * len(shape)
        for axis, size in enumerate(shape):
            word = words[axis]
            if isinstance(word, int) or preset.get(str(word), size) != size:
                words[axis] = size
            elif word is None:
                words[axis] = word = f"{name}_{axis}"
            if isinstance(word, str) and words[axis] == word:
                preset[word] = size
        known[name] = replace(asked, shape=tuple(words), exact=True)
    return known, preset


def _trials(demands: Mapping[str, Demand]) -> list[dict[str, Demand]]:
    """Return the sets of shapes worth trying: as inferred, then of other ranks."""
    trials = [dict(demands)]
    loose = [name for name, asked in demands.items() if not asked.exact]
    for alternative in range(len(OTHER_RANKS)):
        changed = dict(demands)
        for name in loose:
            options = _alternatives(demands[name])
            shape = options[min(alternative, len(options) - 1)]
            changed[name] = replace(demands[name], shape=shape)
        if loose and changed not in trials:
            trials.append(changed)
    return trials


def _alternatives(asked: Demand) -> tuple[Shape, ...]:
    if not asked.shape:
        return OTHER_RANKS
    last = asked.shape[-1]
    if asked.dtype == "int64":
        return (("batch", "length"), ("batch",), ("length", "batch", "height"))
    if isinstance(last, int):
        return (("batch", last), ("batch", "length", last), ("batch", "height", "width", last),
                ("batch", "height", last), (last,))  # fmt: skip
    return (asked.shape, asked.shape[:2], asked.shape[:3])


def _open(trial: Mapping[str, Demand]) -> set[str]:
    return {str(size) for d in trial.values() for size in d.shape if not isinstance(size, int)}


def _sizes(preset: Mapping[str, int]) -> list[dict[str, int]]:
    """Return assignments of numbers to the words for open sizes."""
    plain = [
        {"batch": 1, "length": length, "side": side, "channels": 3}
        for side, length in zip(SIDES, (*LENGTHS, *[16] * len(SIDES)), strict=False)
    ]
    return [{**sizes, **preset} for sizes in ({**plain[0], "batch": 2}, *plain)]


def _size(word: int | str | None, sizes: Mapping[str, int]) -> int:
    if isinstance(word, int):
        return word
    return sizes.get(str(word), sizes["length"] if word == "length" else sizes["side"])


def _feeds(trial: Mapping[str, Demand], sizes: Mapping[str, int]) -> dict[str, Any]:
    import torch

    generator = torch.Generator().manual_seed(0)
    feeds = {}
    for name, asked in trial.items():
        shape = [_size(word, sizes) for word in asked.shape]
        dtype = getattr(torch, asked.dtype)
        noise = torch.rand(shape, generator=generator)
        feeds[name] = noise.to(dtype) if dtype.is_floating_point else torch.ones(shape).to(dtype)
    return feeds


def _run(
    module: Any, fed: tuple[Argument, ...], trial: Mapping[str, Demand], sizes: Mapping[str, int]
) -> dict[str, Any] | None:
    import torch

    # oneDNN's LSTM writes past its memory when a traced state has another batch size (2.13);
    # without it the same mistake is an error message.
    plain = torch.backends.mkldnn.flags(enabled=False)
    try:
        with warnings.catch_warnings(), torch.no_grad(), plain:
            warnings.simplefilter("ignore")
            return named(module(*values(fed, _feeds(trial, sizes))))
    except (RuntimeError, TypeError, ValueError, IndexError, torch.jit.Error):
        return None


def _settled(
    module: Any,
    fed: tuple[Argument, ...],
    trial: Mapping[str, Demand],
    sizes: Mapping[str, int],
    *,
    outputs: Mapping[str, Any],
    deadline: float,
) -> Accepted:
    """Vary each open size by itself; keep the word where the model follows, else the number."""
    free: set[str] = set()
    moved = {name: list(map(int, tensor.shape)) for name, tensor in outputs.items()}
    shapes: dict[str, list[Any]] = {name: list(shape) for name, shape in moved.items()}
    for word in sorted(_open(trial)):
        base = _size(word, sizes)
        other = {**sizes, word: base + 1 if word == "batch" else base + 32}
        changed = _run(module, fed, trial, other) if time.monotonic() < deadline else None
        if changed is None or list(changed) != list(moved):
            continue
        ranks_kept = all(changed[name].dim() == len(moved[name]) for name in moved)
        if not ranks_kept:
            continue
        free.add(word)
        for name, shape in moved.items():
            for axis, size in enumerate(shape):
                if int(changed[name].shape[axis]) != size:
                    shapes[name][axis] = word if word == "batch" else None
    inputs = {
        name: replace(
            asked,
            shape=tuple(
                w if isinstance(w, int) or w in free else _size(w, sizes) for w in asked.shape
            ),
        )
        for name, asked in trial.items()
    }
    kinds = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in outputs.items()}
    found = {name: (kinds[name], tuple(shapes[name])) for name in outputs}
    return Accepted(_feeds(trial, sizes), inputs, found)

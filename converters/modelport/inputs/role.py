"""Guesses what an open axis, or an input, stands for, from names, rank and position."""

from __future__ import annotations

import enum
import re

from modelport.model import Tensor


class Role(enum.Enum):
    """What an axis is; decides which sizes are tried."""

    BATCH = "batch"
    CHANNEL = "channel"
    IMAGE = "image"
    VOLUME = "volume"
    LENGTH = "length"
    AUDIO = "audio"
    FEATURE = "feature"


# Sizes to try, best guess first. Image sizes are multiples of 32 since encoder-decoder
# networks halve five times; 576 and 512 are what 16 kHz voice detectors take, 16000 is a
# second of speech; 80, 64 and 40 are the usual counts of mel bands.
SIZES: dict[Role, tuple[int, ...]] = {
    Role.BATCH: (1,),
    Role.CHANNEL: (3, 1, 4),
    Role.IMAGE: (224, 256, 128, 64, 32, 640, 320, 512),
    Role.VOLUME: (16, 32, 64, 8),
    Role.LENGTH: (16, 32, 64, 128, 256, 512, 576, 1024, 16000, 100, 8, 4),
    Role.AUDIO: (16000, 512, 576, 1024, 256, 8000, 48000, 64, 16, 128),
    Role.FEATURE: (80, 64, 40, 128, 32, 16, 96, 256, 512),
}

# Words in the names of symbolic axes, as the exporters of PyTorch, TensorFlow and the
# transformers library write them; the first that is found decides.
WORDS: tuple[tuple[str, Role], ...] = (
    (r"batch|^(n|b|bs)$", Role.BATCH),
    (r"height|width|^(h|w|rows|cols)$", Role.IMAGE),
    (r"channel|^(c|ch)$", Role.CHANNEL),
    (r"sample|audio|wav", Role.AUDIO),
    (r"seq|time|frame|len|token|step|past|^(t|l|s)$", Role.LENGTH),
    (r"feat|mel|bin|dim$|hidden", Role.FEATURE),
)
STATE = re.compile(
    r"(^|[^a-z])([hc][0-9xn]?|hidden|cell|state|memory|past|cache)s?([^a-z]|$)", re.IGNORECASE
)
WAVEFORM = re.compile(r"audio|wav|pcm|signal|speech|sound", re.IGNORECASE)
MASK = re.compile(r"mask", re.IGNORECASE)
CHANNELS = (1, 2, 3, 4)  # grey, grey with alpha, colour, colour with alpha
PICTURE_RANKS = (3, 4)


def is_state(tensor: Tensor) -> bool:
    """Whether the input is a recurrent state or a cache, by its name."""
    return bool(STATE.search(tensor.name))


def is_mask(tensor: Tensor) -> bool:
    """Whether the input switches positions on and off, by its name."""
    return bool(MASK.search(tensor.name))


def channel_axis(tensor: Tensor, shape: tuple[int, ...]) -> int | None:
    """Return which axis of ``shape`` holds colours; None where it is no picture.

    A picture has 1, 3 or 4 colours and at least 16 pixels each way; without a batch
    axis, 3 or 4, since a sequence of features looks like a grey one.
    """
    if is_state(tensor) or is_mask(tensor) or len(shape) not in PICTURE_RANKS:
        return None
    sizes = shape[-3:]
    for axis, others in ((0, sizes[1:]), (2, sizes[:2])):
        colours = {3, 4} if len(shape) == min(PICTURE_RANKS) else {1, 3, 4}
        if sizes[axis] in colours and min(others) >= 16:  # noqa: PLR2004  # see above
            return axis + len(shape) - 3
    return None


def role(tensor: Tensor, axis: int, symbol: str | None) -> Role:
    """Return the role of one open axis; ``symbol`` is its name, None where it has none."""
    for pattern, found in WORDS if symbol else ():
        if re.search(pattern, str(symbol).lower()):
            return _by_input(tensor, found)
    return _by_input(tensor, _by_position(tensor, axis))


def _by_input(tensor: Tensor, found: Role) -> Role:
    floats = tensor.dtype.startswith(("float", "bfloat"))
    rank = len(tensor.shape or ())
    if found is Role.LENGTH and floats and rank <= 2 + ("audio" in tensor.name.lower()):
        return Role.AUDIO if rank == 2 or WAVEFORM.search(tensor.name) else found  # noqa: PLR2004
    return found


def _by_position(tensor: Tensor, axis: int) -> Role:  # noqa: PLR0911  # one return a layout
    shape = tensor.shape or ()
    rank = len(shape)
    if is_state(tensor) and rank == 3:  # noqa: PLR2004  # (layers, batch, hidden), as in RNNs
        return (Role.LENGTH, Role.BATCH, Role.FEATURE)[axis]
    if axis == 0 and (rank > 1 or not tensor.dtype.startswith("float")):
        picture = rank == 3 and shape[2] in CHANNELS[2:] and not isinstance(shape[1], int)  # noqa: PLR2004
        return Role.IMAGE if picture else Role.BATCH
    if rank == 4:  # noqa: PLR2004  # pictures, colours first or last
        last = isinstance(shape[3], int) and shape[3] in CHANNELS
        if axis == (3 if last else 1):
            return Role.CHANNEL
        return Role.IMAGE
    if rank == 5:  # noqa: PLR2004  # volumes or films
        return Role.CHANNEL if axis == 1 else Role.VOLUME
    if rank == 3 and shape[0] in CHANNELS[1:]:  # noqa: PLR2004  # (colour, height, width)
        return Role.IMAGE
    if rank == 3 and axis == 2 and not isinstance(shape[1], int):  # noqa: PLR2004
        return Role.FEATURE
    return Role.LENGTH

"""Writes small Paddle programs: ``python programs.py FOLDER``, in the environment `paddle`.

``net`` and ``other`` have weights of different shapes; ``resize`` has a scale, which Paddle 3.3
keeps as float64; ``gamma`` has an operator that paddle2onnx does not know.
"""

import sys
from pathlib import Path

import paddle
from paddle import nn

SIZES = [None, 3, None, None]


class Net(nn.Layer):
    """A convolution, and what ``after`` makes of its result."""

    def __init__(self, channels, after):
        super().__init__()
        self.conv = nn.Conv2D(3, channels, 3, padding=1)
        self.after = after

    def forward(self, x):
        return self.after(self.conv(x))


PROGRAMS = {
    "net": lambda: Net(4, nn.ReLU()),
    "other": lambda: Net(5, nn.ReLU()),
    "resize": lambda: Net(4, nn.Upsample(scale_factor=2)),
    "gamma": lambda: Net(4, paddle.lgamma),
}


def main(folder):
    paddle.seed(5)
    for name, make in PROGRAMS.items():
        spec = paddle.static.InputSpec(SIZES, "float32", name="x")
        paddle.jit.save(make().eval(), str(folder / name / "model"), input_spec=[spec])


if __name__ == "__main__":
    main(Path(sys.argv[1]))

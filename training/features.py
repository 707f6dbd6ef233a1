"""Feature extractors that measure generators: frozen nets whose penultimate layer stands in for "what it looks like".

`fashion_classifier()` is our own, trained by `python -m training.evaluator` and committed, so that everybody's
"Fréchet distance, Fashion classifier" is measured by the same instrument.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from training.errors import TrainingError

EVALUATORS = Path(__file__).with_name("evaluators")
FASHION_NAME = "Fashion classifier"
FASHION_SIZE = 28


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm around a shortcut (He et al., 2015)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class FashionClassifier(nn.Module):
    """A small ResNet on 28x28 grayscale. `features`: float [N, 1, 28, 28] in [-1, 1] -> float [N, 128]."""

    feature_dim = 128

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, 1, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            ResidualBlock(32, 32, 1),
            ResidualBlock(32, 64, 2),
            ResidualBlock(64, 64, 1),
            ResidualBlock(64, 128, 2),
            ResidualBlock(128, 128, 1),
        )
        self.head = nn.Linear(self.feature_dim, classes)

    def features(self, images: Tensor) -> Tensor:
        features: Tensor = self.body(images).mean(dim=(2, 3))
        return features

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits


class FashionJudge(nn.Module):
    """The evaluator on padded pictures: float [N, 1, H, W] in [-1, 1], 28x28 or larger -> logits float [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = fashion_classifier()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(centre(images))
        return logits


def centre(images: Tensor) -> Tensor:
    """The 28x28 pixels in the middle of [N, 1, H, W], which undoes the padding to 32."""
    height, width = images.shape[2:]
    top, left = (height - FASHION_SIZE) // 2, (width - FASHION_SIZE) // 2
    return images[:, :, top : top + FASHION_SIZE, left : left + FASHION_SIZE]


@cache
def fashion_classifier() -> FashionClassifier:
    """The committed evaluator, frozen, on CPU in float32. Raises TrainingError if its weights are not there."""
    path = EVALUATORS / "fashion_classifier.safetensors"
    if not path.exists():
        raise TrainingError(f"The evaluator {path.name} is missing; make it with `python -m training.evaluator`.")
    model = FashionClassifier()
    # Stored in half precision to keep the repository small; its accuracy was measured after that rounding.
    model.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return model.eval().requires_grad_(False)


def fashion_card() -> dict[str, Any]:
    """How the evaluator was trained, and its accuracy."""
    card: dict[str, Any] = json.loads((EVALUATORS / "fashion_classifier.json").read_text(encoding="utf-8"))
    return card


@torch.no_grad()
def fashion_features(images: Tensor | NDArray[np.uint8], batch_size: int = 500) -> NDArray[np.float64]:
    """Features of images in any of our forms: float64 [N, 128].

    images: uint8 [N, H, W, 1] in [0, 255], or float [N, 1, H, W] in [-1, 1]. Anything larger than 28x28 is cropped to
    its centre, which undoes the padding to 32. Float images are rounded to grey levels first: what is measured is the
    picture that a user gets.
    """
    starts = range(0, len(images), batch_size)
    features = [fashion_classifier().features(_prepare(images[start : start + batch_size])) for start in starts]
    return torch.cat(features).double().numpy()


@torch.no_grad()
def fashion_probabilities(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Class probabilities, float64 [N, 10], of pictures of which `fashion_features` gave `features`."""
    probabilities: Tensor = fashion_classifier().head(torch.from_numpy(features).float()).softmax(dim=1)
    return probabilities.double().numpy()


def _prepare(images: Tensor | NDArray[np.uint8]) -> Tensor:
    """To float [N, 1, 28, 28] in [-1, 1] on CPU, holding whole grey levels."""
    if isinstance(images, np.ndarray):
        grey = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    else:
        grey = ((images.float().cpu() + 1) * 127.5).clamp(0, 255).round()
    return (centre(grey) / 127.5 - 1).contiguous(memory_format=torch.channels_last)

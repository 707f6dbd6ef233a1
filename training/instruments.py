"""Which frozen net measures which pictures: an instrument is its features and what may honestly be made of them.

Fashion-MNIST has a classifier of its own (`features.py`); anything in colour is seen by EfficientNet-Lite0
(`imagenet.py`), which is fetched when it is first needed. Gray pictures of other kinds have none.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import ImageData
from training.errors import TrainingError
from training.features import FASHION_NAME, FASHION_SIZE, FashionClassifier, fashion_features
from training.imagenet import FEATURES, IMAGENET_NAME, SIDE, efficientnet, imagenet_features
from training.metrics import frechet_distance, kernel_distance


@dataclass(frozen=True)
class Instrument:
    """A feature extractor, and how many pictures its numbers need."""

    name: str
    """As `metrics.json` and the card say it."""
    features: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    """uint8 [N, H, W, C] -> float64 [N, D]."""
    least: int
    """Held-out pictures that a number must rest on."""
    most: int | None
    """Pictures of each kind that are looked at; None is all."""
    frechet_from: int
    """Pictures on either side from which a Fréchet distance is given."""
    kernel: bool
    """Whether the kernel distance stands at the head: unbiased however few the pictures, so that it may be small."""

    def headline(self, samples: NDArray[np.uint8], real: NDArray[np.uint8]) -> tuple[str, float]:
        """Name and value of the one number that sums up how far samples are from real pictures."""
        ours, theirs = self.features(samples), self.features(real)
        if self.kernel:
            return "Kernel distance", kernel_distance(ours, theirs)[0]
        return "Fréchet distance", frechet_distance(ours, theirs)


FASHION = Instrument(
    f"{FASHION_NAME} (features {FashionClassifier.feature_dim}-d)", fashion_features, 2, None, 2, kernel=False
)
# Twice as many pictures as features: with fewer, covariances are singular and what is measured is mostly their noise.
IMAGENET = Instrument(
    f"{IMAGENET_NAME} (features {FEATURES}-d, seen at {SIDE} px)",
    imagenet_features,
    least=50,
    most=2 * FEATURES,
    frechet_from=2 * FEATURES,
    kernel=True,
)


def instrument_for(data: ImageData, count: int) -> Instrument | None:
    """What measures `count` held-out pictures of this data set.

    None where nothing does, where they are too few, or where its weights cannot be had.
    """
    if is_fashion(data):
        return FASHION if count >= FASHION.least else None
    # Asked last: nobody should download it for a handful of pictures.
    return _imagenet() if data.channels == 3 and count >= IMAGENET.least else None


def is_fashion(data: ImageData) -> bool:
    """Whether these are pictures that the Fashion classifier knows, padded at most."""
    return data.info.name.startswith("fashion") and data.channels == 1 and data.image_size >= FASHION_SIZE


@cache
def _imagenet() -> Instrument | None:
    """Once a process: a machine that is offline hears of it once, and its training ends all the same."""
    try:
        efficientnet()
    except TrainingError as error:
        print(f"No distances to real pictures without {IMAGENET_NAME}: {error}", file=sys.stderr)
        return None
    return IMAGENET

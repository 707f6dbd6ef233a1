"""How good generated images are, measured the same way for every family that generates."""

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import ImageData
from training.features import FASHION_SIZE, fashion_features
from training.metrics import frechet_distance


def has_evaluator(data: ImageData) -> bool:
    """Whether there are features to measure images of this data set by."""
    return data.info.name.startswith("fashion") and data.channels == 1 and data.image_size >= FASHION_SIZE


def unpadded(images: NDArray[np.uint8], data: ImageData) -> NDArray[np.uint8]:
    """Cut uint8 [N, H, W, C] to the pixels that the data set really has: padding is easy, and would flatter."""
    if not has_evaluator(data):
        return images
    inside = slice((data.image_size - FASHION_SIZE) // 2, (data.image_size + FASHION_SIZE) // 2)
    return images[:, inside, inside]


def sample_metrics(samples: NDArray[np.uint8], data: ImageData, split: str) -> dict[str, float]:
    """Fréchet distance of samples uint8 [N, H, W, C] to the real images of `split`, beside the floor.

    The floor is the distance of as many real training images: what a perfect generator would get. Empty where there is
    no evaluator for the data set.
    """
    real = data.test if split == "test" else data.val
    if not has_evaluator(data) or len(real) < 2:
        return {}
    real_features = fashion_features(real.images)
    return {
        "frechet_distance": frechet_distance(fashion_features(samples), real_features),
        "frechet_floor": frechet_distance(fashion_features(data.train.images[: len(samples)]), real_features),
    }

"""How good generated images are, measured the same way for every family that generates."""

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import ImageData, Split
from training.features import FASHION_SIZE, fashion_features, fashion_probabilities
from training.metrics import frechet_distance, precision_recall

MANIFOLD = 5000
"""Images of each kind, at most, in precision and recall: their distances are a matrix."""


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
    """Fréchet distance of samples uint8 [N, H, W, C] to the real images of `split`, its floor, precision and recall.

    The floor is the distance of as many real training images: what a perfect generator would get. Empty where there is
    no evaluator for the data set.
    """
    real = _split(data, split)
    if not has_evaluator(data) or len(real) < 2:
        return {}
    features, real_features = fashion_features(samples), fashion_features(real.images)
    train_features = fashion_features(data.train.images[: len(samples)])
    precision, recall = precision_recall(real_features[:MANIFOLD], features[:MANIFOLD])
    return {
        "frechet_distance": frechet_distance(features, real_features),
        "frechet_floor": frechet_distance(train_features, real_features),
        "precision": precision,
        "recall": recall,
    }


def conditional_metrics(
    samples: NDArray[np.uint8], label: NDArray[np.int64], data: ImageData, split: str
) -> dict[str, float]:
    """`sample_metrics`, and how well samples uint8 [N, H, W, C] keep to the classes int64 [N] that were asked for.

    class_accuracy: share of samples in which the evaluator sees their class, beside that of real images.
    frechet_distance/CLASS: Fréchet distance within one class, for every class with at least two images on both sides.
    """
    found = sample_metrics(samples, data, split)
    if not found:
        return {}
    real = _split(data, split)

    def agreement(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
        return float((fashion_probabilities(images).argmax(axis=1) == labels).mean())

    found["class_accuracy"] = agreement(samples, label)
    found["class_accuracy_real"] = agreement(real.images, real.labels)
    for number, name in enumerate(data.info.class_names):
        ours, theirs = samples[label == number], real.images[real.labels == number]
        if min(len(ours), len(theirs)) >= 2:
            found[f"frechet_distance/{name}"] = frechet_distance(fashion_features(ours), fashion_features(theirs))
            same = data.train.images[data.train.labels == number][: len(ours)]
            found[f"frechet_floor/{name}"] = frechet_distance(fashion_features(same), fashion_features(theirs))
    return found


def _split(data: ImageData, split: str) -> Split:
    return data.test if split == "test" else data.val

"""How good generated images are, measured the same way for every family that generates."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.data.dataset import ImageData, Split
from training.features import FASHION_SIZE, FashionJudge, fashion_features, fashion_probabilities
from training.metrics import frechet_distance, precision_recall

MANIFOLD = 5000
"""Images of each kind, at most, in precision and recall: their distances are a matrix."""
EVALUATION_SEED = 2021


def evaluation_noise(count: int, latent_dim: int) -> Tensor:
    """Noise that every evaluation starts from, so that only the model differs: float [count, latent_dim]."""
    return torch.randn(count, latent_dim, generator=torch.Generator().manual_seed(EVALUATION_SEED))


def has_evaluator(data: ImageData) -> bool:
    """Whether there are features to measure images of this data set by."""
    return data.info.name.startswith("fashion") and data.channels == 1 and data.image_size >= FASHION_SIZE


def judge_of(data: ImageData) -> nn.Module | None:
    """The evaluator as a net that can travel with a model, images to logits, where there is one for the data set."""
    return FashionJudge() if has_evaluator(data) else None


def unpadded(images: NDArray[np.uint8], data: ImageData) -> NDArray[np.uint8]:
    """Cut uint8 [N, H, W, C] to the pixels that the data set really has: padding is easy, and would flatter."""
    if not has_evaluator(data):
        return images
    inside = slice((data.image_size - FASHION_SIZE) // 2, (data.image_size + FASHION_SIZE) // 2)
    return images[:, inside, inside]


def sample_metrics(samples: NDArray[np.uint8], data: ImageData, split: str) -> dict[str, float]:
    """Fréchet distance of samples uint8 [N, H, W, C] to the real images of `split`, its floor, precision and recall.

    The floor is the distance of as many real training images: what a perfect generator would get; `precision_real` and
    `recall_real` are theirs too. Empty where there is no evaluator for the data set.
    """
    return _overall(_features(samples, data, split)) if _can_measure(data, split) else {}


def conditional_metrics(
    samples: NDArray[np.uint8], label: NDArray[np.int64], data: ImageData, split: str
) -> dict[str, float]:
    """`sample_metrics`, and how well samples uint8 [N, H, W, C] keep to the classes int64 [N] that were asked for.

    class_accuracy: share of samples in which the evaluator sees their class, beside that of real images.
    frechet_distance/CLASS: Fréchet distance within one class, for every class with at least two images on both sides.
    """
    if not _can_measure(data, split):
        return {}
    features, real = _features(samples, data, split), _split(data, split)
    found = _overall(features)
    found["class_accuracy"] = _agreement(samples, label)
    found["class_accuracy_real"] = _agreement(real.images, real.labels)
    train_label = data.train.labels[: len(features.train)]
    for number, name in enumerate(data.info.class_names):
        ours, theirs = features.samples[label == number], features.real[real.labels == number]
        trained_on = features.train[train_label == number]
        if min(len(ours), len(theirs), len(trained_on)) >= 2:
            found[f"frechet_distance/{name}"] = frechet_distance(ours, theirs)
            found[f"frechet_floor/{name}"] = frechet_distance(trained_on, theirs)
    return found


@dataclass(frozen=True)
class _Features:
    """Features float64 [N, D] of samples, of the real images of a split, and of as many training images as samples."""

    samples: NDArray[np.float64]
    real: NDArray[np.float64]
    train: NDArray[np.float64]


def _can_measure(data: ImageData, split: str) -> bool:
    return has_evaluator(data) and len(_split(data, split)) >= 2


def _features(samples: NDArray[np.uint8], data: ImageData, split: str) -> _Features:
    sets = (samples, _split(data, split).images, data.train.images[: len(samples)])
    return _Features(*map(fashion_features, sets))


def _overall(features: _Features) -> dict[str, float]:
    real = features.real[:MANIFOLD]
    precision, recall = precision_recall(real, features.samples[:MANIFOLD])
    precision_real, recall_real = precision_recall(real, features.train[:MANIFOLD])
    return {
        "frechet_distance": frechet_distance(features.samples, features.real),
        "frechet_floor": frechet_distance(features.train, features.real),
        "precision": precision,
        "recall": recall,
        "precision_real": precision_real,
        "recall_real": recall_real,
    }


def _agreement(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Share of images in which the evaluator sees the class of the label."""
    return float((fashion_probabilities(images).argmax(axis=1) == labels).mean())


def _split(data: ImageData, split: str) -> Split:
    return data.test if split == "test" else data.val

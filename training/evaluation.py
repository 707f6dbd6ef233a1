"""How good generated images are, measured the same way for every family that generates.

In colour, the number at the head is the kernel distance with its standard error: a few dozen held-out pictures are
enough for it, where a Fréchet distance of 1,280 features needs thousands and is given only from there on. Its floor is
the distance of real training pictures to the same held-out ones. Where the held-out pictures are of other things than
the training pictures (emoji: other concepts), floor and distance both say how much something looks like the kind at
large, and a model that had learned its training pictures by heart would get the floor.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.data.dataset import ImageData, Split
from training.features import FASHION_SIZE, FashionJudge, fashion_probabilities
from training.instruments import FASHION, IMAGENET, Instrument, instrument_for, is_fashion
from training.metrics import frechet_distance, kernel_distance, precision_recall

MANIFOLD = 5000
"""Images of each kind, at most, in precision and recall: their distances are a matrix."""
EVALUATION_SEED = 2021
TEMPERATURES = (0.9, 0.8, 0.7, 0.6)
"""Below 1, noise is scaled by them before pictures are made of it (Kingma and Dhariwal, 2018): typical for daring."""
BY_TEMPERATURE = ("frechet_distance", "kernel_distance", "kernel_error", "precision", "recall", "class_accuracy")
"""What is told of each of them; class by class they would be many numbers for few readers."""
REMEMBERED = 16
"""Sets of features that are kept: a run's own pictures, and its samples for two splits at every temperature."""
MEASURED = frozenset(
    {"frechet_distance", "kernel_distance", "precision", "reconstruction_frechet", "translation_kernel"}
)
"""Metrics that an instrument's features gave, and not pixels."""


def evaluation_noise(count: int, latent_dim: int) -> Tensor:
    """Noise that every evaluation starts from, so that only the model differs: float [count, latent_dim]."""
    return torch.randn(count, latent_dim, generator=torch.Generator().manual_seed(EVALUATION_SEED))


def over_temperatures(measure: Callable[[float], dict[str, float]]) -> dict[str, float]:
    """What `measure` finds at temperature 1, and at TEMPERATURES, as `METRIC/temperature 0.8`, what BY_TEMPERATURE
    names: how far the distance falls with rarer mistakes, and what variety that costs. What is 0 at all of them, as
    precision may be among few pictures, says nothing.
    """
    at_one = measure(1.0)
    cooler = {temperature: measure(temperature) for temperature in TEMPERATURES} if at_one else {}
    telling = [key for key in BY_TEMPERATURE if any(found.get(key) for found in (at_one, *cooler.values()))]
    return at_one | {
        f"{key}/temperature {temperature:g}": found[key] for temperature, found in cooler.items() for key in telling
    }


def judge_of(data: ImageData) -> nn.Module | None:
    """The evaluator as a net that can travel with a model, images to logits, where there is one for the data set."""
    return FashionJudge() if is_fashion(data) else None


def unpadded(images: NDArray[np.uint8], data: ImageData) -> NDArray[np.uint8]:
    """Cut uint8 [N, H, W, C] to the pixels that the data set really has: padding is easy, and would flatter."""
    if not is_fashion(data):
        return images
    inside = slice((data.image_size - FASHION_SIZE) // 2, (data.image_size + FASHION_SIZE) // 2)
    return images[:, inside, inside]


def sample_metrics(samples: NDArray[np.uint8], data: ImageData, split: str) -> dict[str, float]:
    """Distance of samples uint8 [N, H, W, C] to the real images of `split`, its floor, precision and recall.

    The floor is the distance of as many real training images: what a perfect generator would get; `precision_real` and
    `recall_real` are theirs too. Which distances, the data set's instrument says. Empty where there is no instrument,
    or where the split is too small for it.
    """
    instrument = _instrument(data, split)
    return _overall(_features(instrument, samples, data, split), instrument) if instrument else {}


def conditional_metrics(
    samples: NDArray[np.uint8], label: NDArray[np.int64], data: ImageData, split: str
) -> dict[str, float]:
    """`sample_metrics`, and how well samples uint8 [N, H, W, C] keep to the classes int64 [N] that were asked for.

    class_accuracy: share of samples in which the evaluator sees their class, beside that of real images.
    frechet_distance/CLASS: Fréchet distance within one class, for every class with at least two images on both sides.
    Of classes, only Fashion-MNIST's have an evaluator.
    """
    if not is_fashion(data):
        return sample_metrics(samples, data, split)
    instrument = _instrument(data, split)
    if instrument is None:
        return {}
    features, real = _features(instrument, samples, data, split), _split(data, split)
    found = _overall(features, instrument)
    found["class_accuracy"] = _agreement(features.samples, label)
    found["class_accuracy_real"] = _agreement(features.real, real.labels)
    train_label = data.train.labels[: len(features.train)]
    for number, name in enumerate(data.info.class_names):
        ours, theirs = features.samples[label == number], features.real[real.labels == number]
        trained_on = features.train[train_label == number]
        if min(len(ours), len(theirs), len(trained_on)) >= 2:
            found[f"frechet_distance/{name}"] = frechet_distance(ours, theirs)
            found[f"frechet_floor/{name}"] = frechet_distance(trained_on, theirs)
    return found


def reconstruction_metrics(reconstructed: NDArray[np.uint8], data: ImageData, split: str) -> dict[str, float]:
    """Fréchet distance of the rebuilt images uint8 [N, H, W, C] of `split` to the images; empty where none is given."""
    instrument, real = _instrument(data, split), _split(data, split).images
    if instrument is None or len(real) < instrument.frechet_from:
        return {}
    ours, theirs = (instrument.features(_chosen(images, instrument)) for images in (reconstructed, real))
    return {"reconstruction_frechet": frechet_distance(ours, theirs)}


def evaluator_name(data: ImageData, found: Mapping[str, float]) -> str | None:
    """Name of the instrument that measured the distances among `found`; None where there are none."""
    if not MEASURED & {key.partition("/")[0] for key in found}:
        return None
    return FASHION.name if is_fashion(data) else IMAGENET.name


@dataclass(frozen=True)
class _Features:
    """Features float64 [N, D] of samples, of the real images of a split, and of as many training images as samples."""

    samples: NDArray[np.float64]
    real: NDArray[np.float64]
    train: NDArray[np.float64]


def _instrument(data: ImageData, split: str) -> Instrument | None:
    return instrument_for(data, len(_split(data, split)))


def _features(instrument: Instrument, samples: NDArray[np.uint8], data: ImageData, split: str) -> _Features:
    samples = _chosen(samples, instrument)
    train = _chosen(data.train.images, instrument)[: len(samples)]
    seen = partial(_seen, instrument)
    return _Features(*map(seen, (samples, _chosen(_split(data, split).images, instrument), train)))


def _seen(instrument: Instrument, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Features of images, remembered: val and test are measured against the same samples and training images."""
    key = hashlib.sha256(instrument.name.encode() + images.tobytes()).digest()
    if key not in _REMEMBERED:
        if len(_REMEMBERED) >= REMEMBERED:
            _REMEMBERED.clear()
        _REMEMBERED[key] = instrument.features(images)
    return _REMEMBERED[key]


_REMEMBERED: dict[bytes, NDArray[np.float64]] = {}


def _chosen(images: NDArray[np.uint8], instrument: Instrument) -> NDArray[np.uint8]:
    """As many as the instrument looks at, drawn from all of them: neighbours in a data set may be alike."""
    if instrument.most is None or len(images) <= instrument.most:
        return images
    return images[np.sort(np.random.RandomState(EVALUATION_SEED).permutation(len(images))[: instrument.most])]


def _overall(features: _Features, instrument: Instrument) -> dict[str, float]:
    found: dict[str, float] = {}
    if instrument.kernel:
        found["kernel_distance"], found["kernel_error"] = kernel_distance(features.samples, features.real)
        found["kernel_floor"], found["kernel_floor_error"] = kernel_distance(features.train, features.real)
    if min(len(features.samples), len(features.real), len(features.train)) >= instrument.frechet_from:
        found["frechet_distance"] = frechet_distance(features.samples, features.real)
        found["frechet_floor"] = frechet_distance(features.train, features.real)
    real = features.real[:MANIFOLD]
    precision, recall = precision_recall(real, features.samples[:MANIFOLD])
    precision_real, recall_real = precision_recall(real, features.train[:MANIFOLD])
    return found | {
        "precision": precision,
        "recall": recall,
        "precision_real": precision_real,
        "recall_real": recall_real,
    }


def _agreement(features: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Share of the pictures with these features in which the evaluator sees the class of the label."""
    return float((fashion_probabilities(features).argmax(axis=1) == labels).mean())


def _split(data: ImageData, split: str) -> Split:
    return data.test if split == "test" else data.val

"""Holes: what two latent spaces hold where no picture is, and how sure a classifier is of what it sees there.

An autoencoder learns to bring back pictures, and nothing about what lies between their latents: there its decoder may
make pictures of nothing. A variational autoencoder decodes around every latent in training, so that less should be left
undefined; how much less, the same walk in both shows for the models at hand. Whether new pictures can be made by
drawing latents at random, the same noise through both shows: as it comes, and through the prior where one was learned.
The classifier is the ``judge`` that comes with one of the models: its largest probability is its confidence.
"""

import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from hub.contract import Bundle
from hub.errors import RequestError
from hub.settings import settings
from hub.tasks.latent import Path, lerp, slerp
from hub.tasks.sample import MAX_SEED, SampleModel, noise, whole

DEFAULT_STEPS = 12


@dataclass(frozen=True)
class Judged:
    """Pictures of one model, and what the judge says of each."""

    model: str
    images: np.ndarray
    """uint8 [N, H, W, C]."""
    confidence: np.ndarray
    """The judge's largest probability, float32 [N] in [0, 1]."""
    named: tuple[str, ...]
    """The class that it belongs to, N of them."""

    @property
    def worst(self) -> int:
        """The picture of which the judge is least sure."""
        return int(self.confidence.argmin())

    @property
    def mean(self) -> float:
        """How sure the judge is on average."""
        return float(self.confidence.mean())


def judges(bundle: Bundle) -> bool:
    """Whether ``bundle`` brings a judge."""
    return bundle.task == "sample" and "judge" in bundle.graphs


def walks(bundle: Bundle) -> bool:
    """Whether pictures can be walked between in ``bundle``. A class that the decoder is told would be named again by
    the judge, so conditional models are left out.
    """
    return bundle.task == "sample" and "encoder" in bundle.graphs and not bundle.conditional


def partners(one: Bundle, others: Iterable[Bundle]) -> list[Bundle]:
    """The models of ``others`` to set beside ``one``, the likest first: with as many latent dimensions, since then
    nothing but the objective differs, and with a prior, which says that somebody cared where latents lie.
    """
    fitting = [each for each in others if each.id != one.id and walks(each) and each.image == one.image]
    return sorted(fitting, key=lambda each: (each.latent_dim != one.latent_dim, "prior" not in each.graphs))


def pick_judge(walking: Sequence[SampleModel], others: Iterable[SampleModel] = ()) -> SampleModel:
    """The first of ``walking``, then of ``others``, that has a judge for pictures of their kind.

    Raises:
        RequestError: none has.
    """
    for each in (*walking, *others):
        if judges(each.bundle) and each.bundle.image == walking[0].bundle.image:
            return each
    names = " and ".join(f"'{each.bundle.id}'" for each in walking)
    raise RequestError(f"No model here has a judge for pictures like those of {names}.")


def judged_walk(
    model: SampleModel,
    judge: SampleModel,
    start: np.ndarray,
    end: np.ndarray,
    count: int = DEFAULT_STEPS,
    path: Path = "lerp",
) -> Judged:
    """The walk of ``model`` between the latents of two pictures, each picture of it judged.

    Args:
        model: has an encoder.
        judge: has a judge, and pictures of the same size.
        start: uint8 [H, W, C].
        end: uint8 [H, W, C].
        count: pictures, both ends included, 2 to the hub's limit (256 unless set).
        path: ``lerp``, the straight line, or ``slerp``, the great circle.

    Raises:
        RequestError: the model has no encoder, or is conditional; or an argument is out of range, or of the wrong kind.
    """
    count = whole("The number of steps", count, 2, settings().max_count)
    if path not in get_args(Path):
        raise RequestError(f"The path must be slerp or lerp, not {reprlib.repr(path)}.")
    if not walks(model.bundle):
        lacks = "is told a class" if model.conditional else "has no encoder"
        raise RequestError(
            f"'{model.bundle.id}' {lacks}: a walk between pictures needs a model that reads them itself."
        )
    first, last = model.encode(np.stack([start, end]))
    way = lerp if path == "lerp" else slerp
    return _judged(model, judge, way(first, last, np.linspace(0, 1, count)).astype(np.float32))


def judged_noise(
    model: SampleModel, judge: SampleModel, count: int = DEFAULT_STEPS, seed: int = 0, through_prior: bool = False
) -> Judged:
    """What the decoder of ``model`` makes of N(0, 1) noise, each picture judged. Models with as many latent dimensions
    get the same noise.

    Args:
        model: one that can be walked in (:func:`walks`).
        judge: has a judge, and pictures of the same size.
        count: pictures, 2 to the hub's limit (256 unless set).
        seed: 0 to 2**32 - 1.
        through_prior: the noise goes through the model's prior first, as when it samples; else the decoder is given it
            as it comes, as if the latents lay where a plain autoencoder's user would have to guess.

    Raises:
        RequestError: an argument is out of range, or of the wrong kind; or there is no such prior.
    """
    count = whole("The number of pictures", count, 2, settings().max_count)
    drawn = noise(count, model.latent_dim, whole("The seed", seed, 0, MAX_SEED))
    if through_prior and "prior" not in model.bundle.graphs:
        raise RequestError(f"'{model.bundle.id}' has no prior that noise could go through.")
    return _judged(model, judge, model.latents(drawn) if through_prior else drawn)


def _judged(model: SampleModel, judge: SampleModel, latents: np.ndarray) -> Judged:
    images = model.decode(latents)
    confidence, named = verdict(judge, images)
    return Judged(model.bundle.id, images, confidence, named)


def verdict(judge: SampleModel, images: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """How sure ``judge`` is of ``images`` uint8 [N, H, W, C], float32 [N] in [0, 1], and the class it sees in each."""
    probabilities = judge.judge(images)
    return probabilities.max(axis=1), tuple(judge.bundle.labels[each] for each in probabilities.argmax(axis=1))

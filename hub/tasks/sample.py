"""Sampling: noise to pictures, pictures to latents and back.

The model captures p(X), or p(X, Y) with labels. Where the bundle has a ``prior`` graph, noise goes through it to reach
the latents that training really used; without one, noise is the latent.
"""

import re
import reprlib
from typing import TypeGuard

import numpy as np

from hub.errors import RequestError
from hub.runtime.engine import Model
from hub.settings import settings

CHUNK = 64
"""Pictures made at once: bounds memory, costs no speed."""
MAX_SEED = 2**32 - 1
MAX_TEMPERATURE = 3.0


def noise(count: int, length: int, seed: int) -> np.ndarray:
    """N(0, 1) noise, float32 [count, length], from ``seed``.

    The first rows do not depend on ``count``: picture 3 of 4 is picture 3 of 16. Drawn with ``RandomState``, whose
    stream NumPy has promised never to change; that of ``Generator`` may.
    """
    return np.random.RandomState(seed).standard_normal((count, length)).astype(np.float32)


class SampleModel:
    """A model of the task ``sample``. Images are uint8 [H, W, C], or [N, H, W, C] for a batch."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.bundle = model.bundle
        decoder = self.bundle.graphs["decoder"]
        self._latent_dim = next(port.shape[1] for port in decoder.inputs if port.name == "z")
        self.conditional = self.bundle.conditional

    @property
    def latent_dim(self) -> int:
        return int(self._latent_dim)

    def sample(
        self, count: int = 16, seed: int = 0, label: int | str | None = None, temperature: float = 1.0
    ) -> np.ndarray:
        """``count`` new pictures, uint8 [count, H, W, C]. The same arguments give the same pixels.

        Args:
            count: 1 to the hub's limit (256 unless set).
            seed: 0 to 2**32 - 1.
            label: for conditional models, a class by name or number; ``None`` goes through all classes in turn.
            temperature: scales the noise, 0 to 3: below 1 typical pictures, above 1 daring ones.

        Raises:
            RequestError: an argument is out of range, or of the wrong kind.
        """
        count = whole("The count", count, 1, settings().max_count)
        seed = whole("The seed", seed, 0, MAX_SEED)
        if not is_number(temperature) or not 0 <= temperature <= MAX_TEMPERATURE:
            raise RequestError(
                f"The temperature must be a number from 0 to {MAX_TEMPERATURE:g}, not {reprlib.repr(temperature)}."
            )
        z = self.latents(noise(count, self.latent_dim, seed) * np.float32(temperature))
        return self._decode(z, self._labels(label, count))

    def latents(self, noise: np.ndarray) -> np.ndarray:
        """The latents that ``noise`` stands for, float32 [N, D]: through the prior, where one was learned.

        Raises:
            RequestError: a wrong shape, a NaN or an infinity.
        """
        return self._through("prior", {"noise": noise})["z"] if "prior" in self.bundle.graphs else noise

    def decode(self, z: np.ndarray, label: int | str | None = None) -> np.ndarray:
        """The pictures at the latents ``z``, float [N, D] or [D], as uint8 [N, H, W, C] or [H, W, C].

        Raises:
            RequestError: a wrong shape, a NaN or an infinity, or a label the model does not know.
        """
        batch, single = batched("z", z, rank=2)
        images = self._decode(batch, self._labels(label, len(batch)))
        return images[0] if single else images

    def encode(self, images: np.ndarray) -> np.ndarray:
        """The latents of ``images``, uint8 [N, H, W, C] or [H, W, C], as float32 [N, D] or [D].

        Raises:
            RequestError: this model has no encoder, or the images have another size or dtype.
        """
        if "encoder" not in self.bundle.graphs:
            raise RequestError(f"'{self.bundle.id}' has no encoder: it makes pictures but does not read them.")
        batch, single = batched("image", images, rank=4)
        z = self._through("encoder", {"image": batch})["z"]
        return z[0] if single else z

    def judge(self, images: np.ndarray) -> np.ndarray:
        """What the judge of the bundle sees in ``images``, uint8 [N, H, W, C] or [H, W, C]: the probability of each of
        the labels, float32 [N, classes] or [classes].

        Raises:
            RequestError: this bundle has no judge, or the images have another size or dtype.
        """
        if "judge" not in self.bundle.graphs:
            raise RequestError(f"'{self.bundle.id}' has no judge: nothing in it says what a picture shows.")
        batch, single = batched("image", images, rank=4)
        probabilities = self._through("judge", {"image": batch})["probabilities"]
        return probabilities[0] if single else probabilities

    def _decode(self, z: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        return self._through("decoder", {"z": z} if labels is None else {"z": z, "label": labels})["image"]

    def _through(self, graph: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        count = len(next(iter(inputs.values())))
        starts = range(0, max(count, 1), CHUNK)
        parts = [self.model.run(graph, {k: v[at : at + CHUNK] for k, v in inputs.items()}) for at in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _labels(self, label: int | str | None, count: int) -> np.ndarray | None:
        names = self.bundle.labels
        if not self.conditional:
            if label is not None:
                raise RequestError(f"'{self.bundle.id}' is not conditional: it takes no label.")
            return None
        if label is None:
            return np.arange(count, dtype=np.int64) % len(names)
        if isinstance(label, str) and label in names:
            return np.full(count, names.index(label), dtype=np.int64)
        number = int(label) if is_whole(label) or (isinstance(label, str) and re.fullmatch("[0-9]{1,9}", label)) else -1
        if not 0 <= number < len(names):
            raise RequestError(
                f"There is no label {reprlib.repr(label)}: give one of {', '.join(names)}, or 0 to {len(names) - 1}."
            )
        return np.full(count, number, dtype=np.int64)


def batched(name: str, array: np.ndarray, rank: int) -> tuple[np.ndarray, bool]:
    """``array`` with a batch axis in front, and whether it came without one. ``feeds.check`` sees to other ranks."""
    try:
        array = np.asarray(array)
    except ValueError:
        raise RequestError(f"'{name}' has rows of different lengths.") from None
    single = array.ndim == rank - 1
    return (array[None] if single else np.atleast_1d(array)), single


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def is_whole(value: object) -> TypeGuard[float]:
    return is_number(value) and bool(np.isfinite(value)) and int(value) == value


def whole(what: str, value: object, low: int, high: int) -> int:
    """``value`` as an int in [low, high]; a float that is whole counts, since JSON and sliders send those."""
    if not is_whole(value) or not low <= value <= high:
        raise RequestError(f"{what} must be a whole number from {low} to {high}, not {reprlib.repr(value)}.")
    return int(value)

"""What restoring recipes learn to undo, exactly as a camera would store it: whole grey levels of 8 bits.

A damage is a function of pictures float [N, C, H, W] in [-1, 1], levels float [N], and a generator or None; it gives
pictures of the same form. `hub.tasks.damage` does the same in numpy, so that a page can show what a model undoes.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.evaluation import EVALUATION_SEED
from training.pixels import to_float, to_uint8

Damage = Callable[[Tensor, Tensor, torch.Generator | None], Tensor]

WHITE = 4000.0
"""Electrons that a pixel of the sensor holds at white, where the exposure is right: a small sensor at a high gain."""
READ_NOISE = 4.0
"""Standard deviation of what reading a pixel adds, in electrons."""
AT_ONCE = 500 * 28 * 28
"""Pixels of a batch in which many pictures are damaged or restored."""


def add_noise(image: Tensor, level: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The picture with Gaussian noise added, clipped to [0, 255], rounded. level: standard deviations in grey levels.

    Clipping matters: half of the noise on black is gone, and what is left of it no longer averages to zero.
    """
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    levels = (image + 1) * 127.5 + level[:, None, None, None] * noise
    return levels.round().clamp(0, 255) / 127.5 - 1


def darken(image: Tensor, level: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The picture as if exposed too short, by `level` stops, and not brightened since.

    In linear light each stop halves the photons. What arrives is Poisson's, reading it adds Gaussian noise (Foi et al.,
    2008), and what is stored is clipped and rounded in sRGB.
    """
    electrons = to_linear((image + 1) / 2) * WHITE * torch.exp2(-level[:, None, None, None])
    caught = torch.poisson(electrons, generator)
    read = READ_NOISE * torch.randn(image.shape, generator=generator, device=image.device)
    stored = to_srgb(((caught + read) / WHITE).clamp(0, 1))
    return (stored * 255).round() / 127.5 - 1


def to_linear(srgb: Tensor) -> Tensor:
    """Bring sRGB in [0, 1] to linear light in [0, 1] (IEC 61966-2-1)."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Tensor) -> Tensor:
    """Bring linear light in [0, 1] to sRGB in [0, 1]."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055)


def damaged_images(
    damage: Damage, clean: NDArray[np.uint8], level: NDArray[np.integer], seed: int = EVALUATION_SEED
) -> NDArray[np.uint8]:
    """`damage` for uint8 [N, H, W, C], with levels int [N] and what is random fixed by a seed; on the host."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.from_numpy(level.astype(np.float32))
    made = [damage(to_float(clean[part]), levels[part], generator) for part in batches(clean)]
    return np.concatenate([to_uint8(part) for part in made])


def batches(images: NDArray[np.uint8]) -> list[slice]:
    """uint8 [N, H, W, C] in batches of about AT_ONCE pixels."""
    size = max(1, AT_ONCE // (images.shape[1] * images.shape[2]))
    return [slice(at, at + size) for at in range(0, len(images), size)]

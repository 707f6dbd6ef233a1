"""Low-dose CT: the denoiser's U-Net, taught what few photons do to a reconstructed slice.

What: a scan at a fraction of the dose has the same picture under noise that is nothing like a camera's. It is streaks
that cross the whole slice, strongest along the ways that lead through the most bone. The net is that of `denoiser` and
learns as it does (its residual: Chen et al., 2017, for CT): from full-dose slices, damaged anew at each step by
`training.tomography`, at a dose that it is told in half of them: a scanner knows it.

PSNR and structural similarity are those of the window of soft tissue (level 40, width 400), whose width is 255 levels.

    genhub train lowdose --preset cpu --data ct
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.damage import Damage
from training.errors import TrainingError
from training.families.denoiser import SIZE_MULTIPLE, Denoiser
from training.hounsfield import window_metrics
from training.restorer import Restorer, ToldConfig
from training.tomography import low_dose

NAME = "lowdose"
TASK = "translate"
DATA = "ct"
HALVINGS = (4, 6, 8)
"""Doses that are reported: PHOTONS / 2^this set out to each bin of the detector."""


@dataclass(frozen=True)
class Config(ToldConfig):
    """Settings of the low-dose restorer."""

    image_size: int = 128
    """Height and width of the slices, in pixels."""
    crop: int = 128
    """Pixels a side that a step learns from: all of `image_size`, as a scanner sees whole slices."""
    turn: bool = True
    """Also learn from the slices mirrored and turned by quarters, a new way each step."""
    min_halvings: float = 2.0
    """Highest dose in training, in halvings of the full one."""
    max_halvings: float = 9.0
    """Lowest dose in training: that of each slice is drawn from `min_halvings` to this."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least({"min_halvings": 0, "max_halvings": self.min_halvings})
        self.require_multiples(SIZE_MULTIPLE)
        if self.crop != self.image_size:
            raise TrainingError(
                f"--crop must be {self.image_size}, the --image-size, not {self.crop}: a scanner sees whole slices."
            )
        if self.channels != 1:
            raise TrainingError(f"--channels must be 1, not {self.channels}: slices are grey.")


PRESETS: dict[str, Config] = {
    "smoke": Config(image_size=32, width=8, crop=32, batch_size=8, told=True, max_steps=30),
    "cpu": Config(batch_size=8, told=True, max_minutes=45.0),
    "gpu": Config(width=96, blocks=2, batch_size=64, told=True, max_minutes=10.0, checkpoint_minutes=3.0),
}


class Trainer(Restorer):
    """Trains a denoiser of slices."""

    config: Config
    damage: Damage = staticmethod(low_dose)
    size_multiple = SIZE_MULTIPLE
    levels = HALVINGS
    unit, state = "halvings", "noisy"

    def net(self) -> nn.Module:
        return Denoiser(self.config, self.told, self.config.max_halvings)

    def random_levels(self, count: int) -> Tensor:
        span = self.config.max_halvings - self.config.min_halvings
        return self.config.min_halvings + span * torch.rand(count, device=self.accelerator.device)

    @property
    def restores(self) -> tuple[str, float, float]:
        """What it takes out of pictures: the kind of damage, and from what level to what level it knows it."""
        return "low-dose CT", self.config.min_halvings, self.config.max_halvings

    def measure(
        self, damaged: NDArray[np.uint8], restored: NDArray[np.uint8], clean: NDArray[np.uint8], level: int
    ) -> dict[str, float]:
        """PSNR (dB) and structural similarity, in the window."""
        return window_metrics(damaged, restored, clean, level)

"""Low light: brightens a picture taken with too short an exposure, and takes out the noise that shows.

What: brightening multiplies the few photons that there are, and their noise with them, so both are one task (Chen et
al., 2018). A meter says by how many stops the picture is short, it is exposed by that, and the net of `denoiser`, told
the same, takes out what noise then shows, so that detail is the picture's own. A photograph has one exposure. Unless
that is told, it is a guess, as black paper in the sun sends a sensor what white paper does in the shade: the brightest
would be white (the white patch of Land and McCann, 1971), or as far below that as the tones under it say, each in stops
below the brightest. The two learn beside each other: noise is taken out at exposures that are off a little, as those
that are read will be, and reading them is learned from whole pictures drawn for it alone.

The damage is the sensor's: in linear light, each stop halves the photons, whose number is Poisson's; reading adds
Gaussian noise; and the file holds whole grey levels of sRGB. What is white stays at one level and only gets darker,
where a camera would have caught more in it: here a picture with white in it is easier than there.

Measured on 125 test pieces after 70 minutes on a shared core: 32.7, 31.2 and 29.3 dB when 2, 3 and 4 stops too dark,
told 42.1, 40.2 and 38.2; making the brightest white has 26.5, 24.9 and 22.7 dB, CLAHE 22.1, 22.0 and 20.0. A net that
saw the dark picture, whose noise was brightened with it, had 32.4, 30.8 and 28.9 after 99 minutes, told 41.0, 38.7 and
36.0. On 28 crops BM3D that is told the exposure is 1.0, 1.8 and 1.7 dB under the net told it: `python -m
tests.bench.restore_baselines`.

    genhub train lowlight --preset cpu --data photos --start hub/bundles/restore-photo
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from training.damage import Damage, darken, to_linear, to_srgb
from training.errors import TrainingError
from training.families.denoiser import SIZE_MULTIPLE, Denoiser
from training.metrics import ssim
from training.pixels import to_float
from training.precision import autocast
from training.restorer import Restorer, ToldConfig, mean_squares

NAME = "lowlight"
TASK = "translate"
DATA = "photos"
BEGINS_WITH = ("denoiser",)
STOPS = (2, 3, 4)
"""Exposures that are reported, in stops below the right one."""
MOST_STOPS = 6.0
"""Bounded, so that no half-precision runtime overflows."""
BRIGHTEST = 1.7
"""What is brighter is taken for this, where 1 is white: a stop more light, or noise on white."""
DARKEST, TONES = -12.0, 49
"""Tones that pixels are compared with, evenly spaced from this power of two of white up to white itself."""
APART = -DARKEST / (TONES - 1)
"""Stops between two of them."""
SHARES = (0.0005, 0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
"""Of a picture: the tones that so much of it is brighter than say whether its brightest is white."""
PIECES = 16
"""Pictures that a step learns to read the exposure from: many, since one tells little of what others are like."""
THIN = 64
"""Pixels a side that are enough for that."""


@dataclass(frozen=True)
class Config(ToldConfig):
    """Settings of the low-light restorer."""

    image_size: int = 256
    """Height and width of the training images, in pixels."""
    channels: int = 3
    """1 for grayscale, 3 for colour."""
    crop: int = 64
    """Side of the random window of the pictures that noise is learned from, in pixels."""
    turn: bool = True
    """Also learn from the pictures mirrored and turned by quarters, a new way each step."""
    min_stops: float = 1.0
    """Lightest training picture, in stops below the right exposure."""
    max_stops: float = 5.0
    """Darkest training picture: what each is short of is drawn from `min_stops` to this."""
    misread: float = 0.5
    """Standard deviation, in stops, of what is wrong with the exposures that noise is learned at."""
    meter_learning_rate: float = 3e-3
    """Peak of the learning rate of what tells the exposure."""
    meter_decay: float = 0.5
    """AdamW's weight decay of it."""
    dropout: float = 0.2
    """Share of the tones that a step leaves out of what tells the exposure, so that none decides alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least({"min_stops": 0, "max_stops": self.min_stops, "misread": 0, "meter_decay": 0})
        if not 0 <= self.dropout < 1:
            raise TrainingError(f"--dropout must be at least 0 and below 1, not {self.dropout}.")
        self.require_multiples(SIZE_MULTIPLE)


PRESETS: dict[str, Config] = {
    "smoke": Config(image_size=32, width=8, crop=32, batch_size=8, told=True, max_steps=30),
    "cpu": Config(blocks=2, batch_size=16, learning_rate=5e-4, told=True, max_minutes=60.0),
    "gpu": Config(width=96, blocks=2, batch_size=256, told=True, max_minutes=10.0, checkpoint_minutes=3.0),
}


class LightMeter(nn.Module):
    """Says by how many stops a picture is short: dark float [N, C, H, W] in [-1, 1] -> stops float [N].

    The brightest is as many stops below white as the picture is short, were it white in the right exposure: the white
    patch of Land and McCann (1971), and what an untrained meter says. How far below white it belongs is learned, from
    tones told in stops below that brightest. A picture taken a stop shorter is thus read about a stop darker, and what
    is learned at one exposure holds at all others.
    """

    tones: Tensor

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.register_buffer("tones", torch.linspace(DARKEST, 0, TONES)[:, None, None], persistent=False)
        told = 6 * len(SHARES) + 1
        self.read = nn.Sequential(nn.Dropout(dropout), nn.Linear(told, 64), nn.ReLU(), nn.Dropout(dropout))
        self.below = nn.Linear(64, 1)
        for parameter in self.below.parameters():
            nn.init.zeros_(parameter)  # begins with the brightest as white

    def forward(self, dark: Tensor) -> Tensor:
        # Four pixels a side together hold little noise.
        linear = F.avg_pool2d(to_linear((dark + 1) / 2), 4)
        seen = torch.stack([linear.amax(dim=1), linear.mean(dim=1), linear.amin(dim=1)], dim=1)
        octaves = torch.log2(seen.clamp(min=0) + 2**DARKEST)
        brightest = octaves[:, 0].amax(dim=(1, 2))[:, None]
        below = (brightest[:, :, None] - self._tones(octaves)).flatten(1)
        # Many tones just below the brightest say that light was cut off there.
        told = [below / 2 - 1, 2 * torch.exp(-4 * below.clamp(min=0)) - 1, brightest / 2 + 1.5]
        stops: Tensor = -brightest - self.below(self.read(torch.cat(told, dim=1)))
        return stops[:, 0].clamp(0.0, MOST_STOPS)

    def _tones(self, octaves: Tensor) -> Tensor:
        """Of planes float [N, 3, h, w], the tones that SHARES of each are brighter than, float [N, 3, SHARES]."""
        brighter = ((octaves[:, :, None] - self.tones) / APART + 0.5).clamp(0, 1).mean(dim=(3, 4))
        above, step = brighter[:, :, :-1], (brighter[:, :, :-1] - brighter[:, :, 1:]).clamp(min=1e-4)
        tones = [((above - share) / step).clamp(0, 1).sum(dim=2) for share in SHARES]
        return DARKEST + APART * torch.stack(tones, dim=2)


class Brightener(nn.Module):
    """dark float [N, C, H, W] in [-1, 1] -> as if exposed rightly, the same; H and W are multiples of 4."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.meter = LightMeter(config.dropout)
        self.denoiser = Denoiser(config, told=True, strongest=MOST_STOPS)

    def forward(
        self, dark: Tensor, told: Tensor | None = None, others: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """`told`: stops float [N, 1, H, W] or [N, 1, 1, 1], below 0 where not known. In training: exposed by these, and
        beside it stops float [M] read of others.
        """
        if others is not None:
            assert told is not None, "in training it is read of others alone"
            bright = self._brighten(dark, told)
            with torch.autocast(others.device.type, enabled=False):  # which rounds to a fiftieth of a stop, and worse
                return bright, self.meter(others.float())
        stops = self.meter(dark)[:, None, None, None]
        if told is not None:
            stops = torch.where(told < 0, stops, told.to(stops.dtype).clamp(0.0, MOST_STOPS))
        return self._brighten(dark, stops)

    def _brighten(self, dark: Tensor, stops: Tensor) -> Tensor:
        bright = exposed(dark, stops).clamp(max=BRIGHTEST)
        clean: Tensor = self.denoiser(bright, stops.expand(-1, 1, *dark.shape[2:]))
        return clean


def thinned(images: Tensor) -> Tensor:
    """Of pictures float [N, C, H, W], squares of 4 px evenly apart: together at least THIN px a side, or all there are.

    They have the tones of the whole, as the sensor stored them, and take a fraction of the time.
    """
    apart = max(1, min(images.shape[2:]) // THIN)
    top, left = (4 * int(torch.randint(apart, ())) for _ in range(2))
    squares = images[:, :, top:, left:].unfold(2, 4, 4 * apart).unfold(3, 4, 4 * apart)
    return squares.transpose(3, 4).flatten(4, 5).flatten(2, 3)


def exposed(image: Tensor, stops: Tensor) -> Tensor:
    """The picture float [N, C, H, W] in [-1, 1] exposed longer by so many stops, in [-1, 1] or above."""
    return 2 * to_srgb(to_linear((image + 1) / 2) * torch.exp2(stops)) - 1


class Trainer(Restorer):
    """Trains a brightener."""

    config: Config
    damage: Damage = staticmethod(darken)
    size_multiple = SIZE_MULTIPLE
    levels = STOPS
    unit, state = "stops", "dark"

    def net(self) -> nn.Module:
        return Brightener(self.config)

    def groups(self) -> list[dict[str, Any]]:
        meter = list(self.restorer.meter.parameters())
        rest = [each for name, each in self.restorer.named_parameters() if not name.startswith("meter.")]
        own = {"lr": self.config.meter_learning_rate, "weight_decay": self.config.meter_decay}
        return [{"params": rest}, {"params": meter, **own}]

    def errors(self, image: Tensor) -> dict[str, Tensor]:
        # What is wrong with an exposure that is read is so much more than any noise that nobody would learn to take
        # that out beside it: so what comes out is compared with what it should be at the exposure that was given.
        clean = self._window(image)
        levels = self.random_levels(len(clean))
        given = (levels + self.config.misread * torch.randn_like(levels)).clamp(0.0, MOST_STOPS)
        chosen = torch.randint(len(self.data.train), (PIECES,)).numpy()
        metered = thinned(to_float(self.data.train.images[chosen]).to(image.device))
        stops = self.random_levels(len(metered))
        with autocast(image.device, self.config.precision):
            bright, read = self.parallel_restorer(
                self.damage(clean, levels, None), given[:, None, None, None], self.damage(metered, stops, None)
            )
        off, missed = (given - levels)[:, None, None, None], (read - stops)[:, None, None, None]
        return {
            "mse": mean_squares(bright - exposed(clean, off).clamp(max=BRIGHTEST)),
            "exposure_mse": mean_squares(exposed(metered, missed) - metered),
        }

    def random_levels(self, count: int) -> Tensor:
        span = self.config.max_stops - self.config.min_stops
        return self.config.min_stops + span * torch.rand(count, device=self.accelerator.device)

    def places(self, family: str) -> dict[str, nn.Module]:
        """Of weights of a denoiser, what takes out noise."""
        return {"translator": self.restorer_ema.average.denoiser} if family == "denoiser" else self.inference_modules()

    def inference_modules(self) -> dict[str, nn.Module]:
        modules = super().inference_modules()
        return modules | {"meter": self.restorer_ema.average.meter} if self.told else modules

    @property
    def restores(self) -> tuple[str, float, float]:
        """What it takes out of pictures: the kind of damage, and from what level to what level it knows it."""
        return "low light", self.config.min_stops, self.config.max_stops

    def measure(
        self, damaged: NDArray[np.uint8], restored: NDArray[np.uint8], clean: NDArray[np.uint8], level: int
    ) -> dict[str, float]:
        """PSNR (dB) and structural similarity."""
        at = f"ssim_{self.unit}_{level}"
        return super().measure(damaged, restored, clean, level) | {
            at: ssim(restored, clean),
            f"{self.state}_{at}": ssim(damaged, clean),
        }

"""Blind denoiser: a small residual U-Net that predicts the noise in a picture and takes it away.

What: a fully convolutional net that sees a noisy picture, not how noisy it is, and predicts the noise (DnCNN: Zhang et
al., 2017), which is easier than predicting the picture, because no noise is then no work. It is a U-Net of residual
blocks without normalisation, as in DRUNet (Zhang et al., 2021); its convolutions run at half resolution and below,
where a CPU can afford them.

It learns from what a camera would store: Gaussian noise is added in grey levels, then clipped to [0, 255] and rounded.
Clipping matters: half of the noise on black is gone, and what is left of it no longer averages to zero.

Measured on Fashion-MNIST's test images after 40 minutes on a shared core: 31.3, 28.2 and 24.2 dB at noise levels of 15,
25 and 50. On the first 100 of them it has 28.5 dB at 25, where BM3D has 25.1, non-local means 25.3 and total variation
24.2, all told the level, which it is not: `python -m tests.bench.denoise_baselines`.

    genhub train denoiser --preset cpu --data fashion
"""

from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import RunConfig
from training.data.dataset import ImageData, Split
from training.ema import EMA
from training.errors import TrainingError
from training.evaluation import EVALUATION_SEED, unpadded
from training.family import Stateful
from training.metrics import psnr
from training.pixels import to_float, to_uint8
from training.precision import autocast
from training.schedule import BudgetSchedule

NAME = "denoiser"
TASK = "translate"
DATA = "fashion"
SIZE_MULTIPLE = 4
NOISE_LEVELS = (15, 25, 50)
"""Standard deviations, in grey levels, that the literature reports and so do we."""


@dataclass(frozen=True)
class Config(RunConfig):
    """Settings of the denoiser."""

    width: int = 48
    """Channels at half resolution; twice as many at a quarter."""
    blocks: int = 1
    """Residual blocks at half resolution, on the way down and again on the way up; twice as many at a quarter."""
    max_noise_level: float = 55.0
    """Strongest noise in training: its standard deviation in grey levels is drawn from 0 to this for each picture."""
    crop: int = 28
    """Side of the random window of the pictures that a step learns from, in pixels: 28 is Fashion-MNIST unpadded."""
    turn: bool = False
    """Also learn from the pictures mirrored and turned by quarters, a new way each step."""
    learning_rate: float = 1e-3
    """Peak of AdamW's learning rate."""
    weight_decay: float = 1e-4
    """AdamW's weight decay."""
    clip_norm: float = 1.0
    """Largest norm of the gradients."""
    ema_half_life: float = 100_000
    """Half-life of the averaged weights, in images, once enough were seen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least({"width": 1, "blocks": 1, "crop": SIZE_MULTIPLE, "max_noise_level": 1})
        for name in ("image_size", "crop"):
            if getattr(self, name) % SIZE_MULTIPLE:
                raise TrainingError(
                    f"--{name.replace('_', '-')} must be a multiple of {SIZE_MULTIPLE}, not {getattr(self, name)}."
                )


PRESETS: dict[str, RunConfig] = {
    "smoke": Config(width=8, batch_size=16, max_steps=30),
    "cpu": Config(batch_size=32, max_minutes=50.0),
    "gpu": Config(width=96, blocks=2, batch_size=256, max_minutes=10.0, checkpoint_minutes=3.0),
}


def add_noise(image: Tensor, level: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The picture as 8 bits would store it: noise added, clipped to [0, 255], rounded.

    image: float [N, C, H, W] in [-1, 1]; level: float [N], standard deviations in grey levels. Same form as `image`.
    """
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    levels = (image + 1) * 127.5 + level[:, None, None, None] * noise
    return levels.round().clamp(0, 255) / 127.5 - 1


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around the identity, which it begins as. No normalisation: it would tie noise levels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.relu(self.first(x)))
        return out


class Denoiser(nn.Module):
    """noisy float [N, C, H, W] in [-1, 1] -> denoised, the same; H and W are multiples of 4."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width

        def blocks(channels: int, count: int) -> nn.Sequential:
            return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))

        self.stem = nn.Conv2d(config.channels, width, 4, 2, 1)
        self.down = blocks(width, config.blocks)
        self.shrink = nn.Conv2d(width, 2 * width, 2, 2)
        self.middle = blocks(2 * width, 2 * config.blocks)
        self.grow = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 1), nn.PixelShuffle(2))
        self.up = blocks(width, config.blocks)
        last = nn.Conv2d(width, 4 * config.channels, 3, 1, 1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)  # begins by changing nothing
        self.head = nn.Sequential(last, nn.PixelShuffle(2))

    def forward(self, noisy: Tensor) -> Tensor:
        half = self.down(self.stem(noisy))
        noise: Tensor = self.head(self.up(half + self.grow(self.middle(self.shrink(half)))))
        return noisy - noise.to(noisy.dtype)  # under autocast the noise is bfloat16, the picture stays exact


class Trainer:
    """Trains a denoiser."""

    def __init__(self, config: Config, data: ImageData, accelerator: Accelerator) -> None:
        self.config, self.data, self.accelerator = config, data, accelerator
        self.denoiser = Denoiser(config).to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.denoiser_ema = EMA(self.denoiser, config.ema_half_life)
        self.optimizer = torch.optim.AdamW(
            self.denoiser.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, foreach=True
        )
        self.schedule = BudgetSchedule(self.optimizer)
        # What runs is the accelerator's view of it (DistributedDataParallel), what is saved is the bare module.
        self.parallel_denoiser = accelerator.prepare_model(self.denoiser)

    def modules(self) -> dict[str, Stateful]:
        return {
            "denoiser": self.denoiser,
            "denoiser_ema": self.denoiser_ema,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        clean = self._window(batch["image"])
        level = self.config.max_noise_level * torch.rand(len(clean), device=clean.device)
        noisy = add_noise(clean, level)
        with autocast(clean.device, self.config.precision):
            denoised = self.parallel_denoiser(noisy)
        mse = (denoised - clean).square().mean(dim=(1, 2, 3))
        # The logarithm of each picture's error, which is what PSNR averages (Chen et al., 2022): the noisiest pictures
        # would take all of the gradient otherwise. The small number keeps those without noise from doing the same.
        loss = torch.log(mse + 1e-4).mean()
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.denoiser.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.denoiser_ema.update(self.denoiser, len(clean) * self.accelerator.num_processes)
        return {"loss": loss.detach(), "mse": mse.detach().mean()}

    def _window(self, image: Tensor) -> Tensor:
        """The same random window of every picture of a batch."""
        height, width = (min(self.config.crop, side) for side in image.shape[2:])
        top = int(torch.randint(image.shape[2] - height + 1, ()))
        left = int(torch.randint(image.shape[3] - width + 1, ()))
        window = image[:, :, top : top + height, left : left + width]
        if self.config.turn:
            mirrored, quarters = (int(torch.randint(count, ())) for count in (2, 4))
            window = torch.rot90(window.flip(3) if mirrored else window, quarters, (2, 3))
        return window.contiguous(memory_format=torch.channels_last)

    @property
    def restores(self) -> tuple[str, float, float]:
        """What it takes out of pictures: the kind of damage, and from what level to what level it knows it."""
        return "gaussian noise", 0.0, self.config.max_noise_level

    def inference_modules(self) -> dict[str, nn.Module]:
        return {"translator": self.denoiser_ema.average}

    @torch.no_grad()
    def denoise(self, noisy: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Denoise uint8 [N, H, W, C] by the averaged weights, in batches."""
        parts = [to_float(noisy[at : at + 500]).to(self.accelerator.device) for at in range(0, len(noisy), 500)]
        return np.concatenate([to_uint8(self.denoiser_ema.average(part)) for part in parts])

    def preview(self) -> Tensor:
        """Noisy pictures, each with its denoised one on its right."""
        seen = self.data.val if len(self.data.val) else self.data.train
        noisy, _ = self.pairs(Split(seen.images[:32], seen.labels[:32]))
        both = np.stack([noisy, self.denoise(noisy)], axis=1)
        return to_float(both.reshape(-1, *noisy.shape[1:]))

    def pairs(self, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What the graph is given and what it should give back, uint8 [N, H, W, C]; the noise levels take turns."""
        level = np.resize(NOISE_LEVELS, len(split))
        return noisy_images(split.images, level), split.images

    def evaluate(self, split: str = "test") -> dict[str, float]:
        """PSNR (dB) of noisy and of denoised pictures at each noise level, without their padding; fixed noise."""
        chosen = self.data.test if split == "test" else self.data.val
        if len(chosen) == 0:
            return {}
        clean = unpadded(chosen.images, self.data)
        found = {}
        for level in NOISE_LEVELS:
            noisy = noisy_images(clean, np.full(len(clean), level))
            found[f"psnr_sigma_{level}"] = psnr(self.denoise(noisy), clean)
            found[f"noisy_psnr_sigma_{level}"] = psnr(noisy, clean)
        return found


def noisy_images(
    clean: NDArray[np.uint8], level: NDArray[np.integer], seed: int = EVALUATION_SEED
) -> NDArray[np.uint8]:
    """`add_noise` for uint8 [N, H, W, C], with levels int [N] and noise that a seed fixes; on the host, in batches."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.from_numpy(level.astype(np.float32))
    parts = range(0, len(clean), 500)
    noisy = [add_noise(to_float(clean[at : at + 500]), levels[at : at + 500], generator) for at in parts]
    return np.concatenate([to_uint8(part) for part in noisy])

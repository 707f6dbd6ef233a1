"""Denoiser: a small residual U-Net that takes noise out of pictures, told how much there is or finding out.

What: a fully convolutional net that sees a noisy picture and predicts the noise (DnCNN: Zhang et al., 2017), which is
easier than predicting the picture, because no noise is then no work. It is a U-Net of residual blocks without
normalisation, as in DRUNet (Zhang et al., 2021); its convolutions run at half resolution and below, where a CPU can
afford them. As there, a map says how strong the noise is at each pixel, or that it is not known: half of the training
pictures come without, so that one net is blind as well, and who knows better can ask for more smoothing or for less.

It learns from what a camera would store: Gaussian noise is added in grey levels, then clipped to [0, 255] and rounded.

Measured on Fashion-MNIST's test images after 88 minutes on a shared core: 31.2, 28.2 and 24.2 dB at noise levels of 15,
25 and 50, told the level 31.3, 28.3 and 24.2. On the first 100 of them it has 28.5 dB at 25, told 28.6, where BM3D has
25.1, non-local means 25.3 and total variation 24.2, all told: `python -m tests.bench.restore_baselines`. Where noise
grows from nothing on the left to 50 on the right, it has 25.2 dB told nothing, 26.5 told the mean, and 27.7 told a map:
`python -m tests.bench.uneven_noise`. On 28 crops of held-out photographs it has 36.6 dB at 25, where CBM3D has 35.5.

    genhub train denoiser --preset cpu --data fashion
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.damage import Damage, add_noise
from training.restorer import ResidualBlock, Restorer, RestorerConfig, ToldConfig

NAME = "denoiser"
TASK = "translate"
DATA = "fashion"
SIZE_MULTIPLE = 4
NOISE_LEVELS = (15, 25, 50)
"""Standard deviations, in grey levels, that the literature reports and so do we."""

MAP_PLANES = 2
"""Of what a net is told: whether the level is known, and what it is."""


@dataclass(frozen=True)
class Config(ToldConfig):
    """Settings of the denoiser. A quarter of the resolution has twice the channels, and twice the blocks."""

    max_noise_level: float = 55.0
    """Strongest noise in training: its standard deviation in grey levels is drawn from 0 to this for each picture."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least({"max_noise_level": 1})
        self.require_multiples(SIZE_MULTIPLE)


PRESETS: dict[str, Config] = {
    "smoke": Config(width=8, batch_size=16, told=True, max_steps=30),
    "cpu": Config(batch_size=32, told=True, max_minutes=50.0),
    "gpu": Config(width=96, blocks=2, batch_size=256, told=True, max_minutes=10.0, checkpoint_minutes=3.0),
}


class Denoiser(nn.Module):
    """noisy float [N, C, H, W] in [-1, 1] -> denoised, the same; H and W are multiples of 4.

    `told`: it also takes the level of the noise at each pixel, float [N, 1, H, W], below 0 where it is not known;
    `strongest` is what it hears as 1.
    """

    def __init__(self, config: RestorerConfig, told: bool = False, strongest: float = 1.0) -> None:
        super().__init__()
        width, self.told, self.strongest = config.width, told, strongest

        def blocks(channels: int, count: int) -> nn.Sequential:
            return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))

        self.stem = nn.Conv2d(config.channels + (MAP_PLANES if told else 0), width, 4, 2, 1)
        self.down = blocks(width, config.blocks)
        self.shrink = nn.Conv2d(width, 2 * width, 2, 2)
        self.middle = blocks(2 * width, 2 * config.blocks)
        self.grow = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 1), nn.PixelShuffle(2))
        self.up = blocks(width, config.blocks)
        last = nn.Conv2d(width, 4 * config.channels, 3, 1, 1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)  # begins by changing nothing
        self.head = nn.Sequential(last, nn.PixelShuffle(2))
        if told:
            self.register_load_state_dict_pre_hook(_deaf)  # type: ignore[no-untyped-call]

    def forward(self, noisy: Tensor, level: Tensor | None = None) -> Tensor:
        given = noisy
        if self.told:
            assert level is not None, "a net that can be told wants a map, which may say that it is not known"
            known = (level >= 0).to(noisy.dtype)
            given = torch.cat([noisy, known, known * level.to(noisy.dtype) / self.strongest], dim=1)
        half = self.down(self.stem(given))
        noise: Tensor = self.head(self.up(half + self.grow(self.middle(self.shrink(half)))))
        return noisy - noise.to(noisy.dtype)  # under autocast the noise is bfloat16, the picture stays exact


def _deaf(net: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """The weights of a blind net in `state` begin one that can be told: what it is told counts for nothing yet."""
    key, planes = f"{prefix}stem.weight", net.get_parameter("stem.weight").shape[1]
    weight = state.get(key)
    if weight is not None and weight.shape[1] == planes - MAP_PLANES:
        nothing = weight.new_zeros(len(weight), MAP_PLANES, *weight.shape[2:])
        state[key] = torch.cat([weight, nothing], dim=1)


class Trainer(Restorer):
    """Trains a denoiser."""

    config: Config
    damage: Damage = staticmethod(add_noise)
    size_multiple = SIZE_MULTIPLE
    levels = NOISE_LEVELS
    unit, state = "sigma", "noisy"

    def net(self) -> nn.Module:
        return Denoiser(self.config, self.told, self.config.max_noise_level)

    def random_levels(self, count: int) -> Tensor:
        return self.config.max_noise_level * torch.rand(count, device=self.accelerator.device)

    @property
    def restores(self) -> tuple[str, float, float]:
        """What it takes out of pictures: the kind of damage, and from what level to what level it knows it."""
        return "gaussian noise", 0.0, self.config.max_noise_level

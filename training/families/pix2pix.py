"""Pix2Pix: a U-Net that learns from pairs how one kind of picture becomes another, judged by a patch discriminator.

What: image-to-image translation with a conditional GAN (Isola et al., 2017), with what was learned since. The generator
is a U-Net of residual blocks that grows by resizing and convolving, which leaves no checkerboard (Odena et al., 2016),
and whose only normalisation is per picture (InstanceNorm): one picture in a batch comes out as it would alone, in
training and in use. The discriminator sees source and picture together, judges patches (hinge: Lim and Ye, 2017), and
its inner features must agree, too (feature matching: Wang et al., 2018), beside the difference of pixels (L1).
With `--perceptual`, what a frozen net sees in picture and target must agree as well (Johnson et al., 2016).
`--adversarial 0 --perceptual 0` leaves the same U-Net with L1 alone, which is what the rest has to beat. With
`--pixels-first` all but L1 joins late, where that has already found what it can (as in SRGAN: Ledig et al., 2017), in
cheaper steps. There is no noise in it, neither at its input nor as dropout in use: it gives one answer to a picture,
where others would have been as good.

The net that it learns from, EfficientNet-Lite1, is not the one that measures it, which is EfficientNet-Lite0; yet they
are of a kind.

Any pairs will do: `--data FOLDER` with A/ and B/ in it, or pictures side by side with `--pairs side-by-side`. For
photographs leave out `--sketch-augment`, and `--flip` where light comes from one side. With a batch of 8 it takes about
1 GB of memory at 128 px, 4 GB at 256 and 16 GB at 512, where `--batch-size 1` needs 2.

    genhub train pix2pix --preset cpu --data openmoji
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from training.adversarial import discriminator_loss, generator_loss
from training.augment import Augmentation, diff_augment
from training.config import PairedConfig
from training.data.dataset import ImageData, Split
from training.ema import EMA
from training.errors import TrainingError
from training.family import Stateful
from training.nets.patches import PatchDiscriminator
from training.pairing import other_pen, same_geometry, same_hue
from training.perceptual import PerceptualLoss
from training.pixels import to_float, to_uint8
from training.precision import autocast
from training.schedule import BudgetSchedule
from training.translation import translation_metrics

NAME = "pix2pix"
TASK = "translate"
DATA = "openmoji"
LEVELS = (1, 2, 10 / 3, 14 / 3, 16 / 3)
"""Channels at a half, a quarter, ... of the resolution, in widths: most weights lie where there are few pixels."""
SIZE_MULTIPLE_IN_TRAINING = 2 ** len(LEVELS)
TREMOR = 0.6
"""How far an unsteady hand bends a drawing, in hundredths of the side."""


@dataclass(frozen=True)
class Config(PairedConfig):
    """Settings of Pix2Pix."""

    image_size: int = 128
    """Height and width of both pictures of a pair, in pixels; a multiple of 32."""
    channels: int = 3
    """1 for grayscale, 3 for colour."""
    width: int = 24
    """Channels of the generator at half resolution; up to 5 times as many below."""
    discriminator_width: int = 32
    """Channels of the discriminator at half resolution; four times as many below."""
    l1: float = 10.0
    """Weight of the mean difference of pixels (in [-1, 1])."""
    adversarial: float = 1.0
    """Weight of the discriminator's opinion; 0 trains without any discriminator, by the difference of pixels alone."""
    perceptual: float = 0.0
    """Weight of the perceptual distance in EfficientNet-Lite1, whose weights are fetched once; 0 does without."""
    pixels_first: float = 0.0
    """Share of the budget that passes by the difference of pixels alone, before all the rest joins."""
    feature_matching: float = 5.0
    """Weight of the mean difference of the discriminator's features, in its own scale."""
    learning_rate: float = 4e-4
    """Peak of Adam's learning rate, for the generator."""
    discriminator_learning_rate: float = 4e-4
    """Peak of Adam's learning rate, for the discriminator."""
    final_learning_rate: float = 0.02
    """Share of the peaks that the learning rates end at."""
    flip: bool = True
    """Mirror half of the pairs: not where light comes from one side, which could not be learned then."""
    crop: float = 1.0
    """Smallest share of the side that a random window of both pictures has; 1 always takes the whole."""
    turn: float = 0.0
    """Largest angle by which both pictures are turned, in degrees."""
    bend: float = 0.0
    """Standard deviation, in hundredths of the side, of a smooth displacement of both pictures; at least 0.6 with
    `--sketch-augment`.
    """
    hue: float = 0.0
    """Largest angle by which the colours of both pictures are turned about grey, in degrees."""
    sketch_augment: bool = True
    """Draw half of the sources with another pen and a less steady hand: for line drawings alone."""
    augment: tuple[Augmentation, ...] = ()
    """DiffAugment's changes before the discriminator, for small data sets: brightness, saturation, contrast,
    translation, cutout.
    """
    ema_half_life: float = 20_000
    """Half-life of the averaged generator, in images, once enough were seen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least(
            {
                "width": 3,
                "discriminator_width": 1,
                "l1": 0,
                "adversarial": 0,
                "perceptual": 0,
                "feature_matching": 0,
                "turn": 0,
                "bend": 0,
                "hue": 0,
            }
        )
        if self.image_size % SIZE_MULTIPLE_IN_TRAINING:
            raise TrainingError(
                f"--image-size must be a multiple of {SIZE_MULTIPLE_IN_TRAINING}, not {self.image_size}."
            )
        if not 0 <= self.pixels_first < 1:
            raise TrainingError(f"--pixels-first must be at least 0 and below 1, not {self.pixels_first}.")
        if self.hue and self.channels != 3:
            raise TrainingError(f"--hue is for pictures in colour: --channels must be 3, not {self.channels}.")
        if not 0.1 <= self.crop <= 1:
            raise TrainingError(f"--crop must be between 0.1 and 1, not {self.crop}.")
        if self.l1 == 0 and self.adversarial == 0 and self.perceptual == 0:
            raise TrainingError("Without --l1, --adversarial and --perceptual there is nothing to learn from.")


PRESETS: dict[str, Config] = {
    "smoke": Config(image_size=64, width=6, discriminator_width=8, batch_size=8, max_steps=30),
    "cpu": Config(
        batch_size=8,
        max_minutes=50.0,
        adversarial=0.5,
        feature_matching=2.5,
        perceptual=2.0,
        pixels_first=0.2,
        crop=0.85,
        turn=8.0,
    ),
    "gpu": Config(
        width=64,
        discriminator_width=64,
        batch_size=32,
        max_minutes=20.0,
        adversarial=0.5,
        feature_matching=2.5,
        perceptual=2.0,
        crop=0.85,
        turn=8.0,
    ),
}


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around the identity, each normalised within the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(channels, affine=True),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(channels, affine=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class Generator(nn.Module):
    """source float [N, C, H, W] in [-1, 1] -> picture, the same; H and W are multiples of 32."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = self.widths = [max(4, round(level * config.width)) for level in LEVELS]
        self.stem = nn.Conv2d(config.channels, widths[0], 4, 2, 1)
        self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 2, 2) for fine, coarse in pairwise(widths))
        self.down = nn.ModuleList(ResidualBlock(each) for each in widths[1:])
        # A 1x1 convolution before the resizing costs a quarter of one behind it, and commutes with it.
        self.grow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(ResidualBlock(each) for each in widths[:-1])
        # The last doubling is of few channels, and there the source itself stands beside them: its lines stay sharp.
        detail = max(4, config.width // 2)
        self.fine = nn.Conv2d(widths[0], detail, 3, 1, 1)
        self.head = nn.Sequential(
            nn.Conv2d(detail + config.channels, detail, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(detail, config.channels, 3, 1, 1),
        )

    def forward(self, source: Tensor) -> Tensor:
        return self.decode(source, self.encode(source))

    def encode(self, source: Tensor) -> list[Tensor]:
        """Features of a picture at a half, a quarter, ... of its resolution."""
        found = [F.relu(self.stem(source))]
        for shrink, down in zip(self.shrink, self.down, strict=True):
            found.append(down(F.relu(shrink(found[-1]))))
        return found

    def decode(self, source: Tensor, features: list[Tensor]) -> Tensor:
        """The picture that is made of a source and its features."""
        *skips, x = features
        for grow, up, skip in zip(reversed(self.grow), reversed(self.up), reversed(skips), strict=True):
            x = up(F.interpolate(grow(x), scale_factor=2.0, mode="nearest") + skip)
        x = F.interpolate(F.relu(self.fine(x)), scale_factor=2.0, mode="nearest")
        picture: Tensor = self.head(torch.cat([x, source.to(x.dtype)], dim=1)).float().tanh()
        return picture


class Trainer:
    """Trains a generator, against a discriminator where it has a weight."""

    def __init__(self, config: Config, data: ImageData, accelerator: Accelerator) -> None:
        self.config, self.data, self.accelerator = config, data, accelerator
        device = accelerator.device
        self.generator = Generator(config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.generator_ema = EMA(self.generator, config.ema_half_life)
        self.generator_optimizer = torch.optim.Adam(
            self.generator.parameters(), lr=config.learning_rate, betas=(0.5, 0.99), foreach=True
        )
        self.generator_schedule = BudgetSchedule(self.generator_optimizer, final=config.final_learning_rate)
        # What runs is the accelerator's view of them (DistributedDataParallel), what is saved are the bare modules.
        self.parallel_generator = accelerator.prepare_model(self.generator)
        self.perceptual = PerceptualLoss(device) if config.perceptual else None
        self.discriminator: PatchDiscriminator | None = None
        if config.adversarial:
            # It sees source and picture together.
            judge = PatchDiscriminator(2 * config.channels, config.discriminator_width)
            self.discriminator = judge.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.discriminator_optimizer = torch.optim.Adam(
                self.discriminator.parameters(), lr=config.discriminator_learning_rate, betas=(0.5, 0.99), foreach=True
            )
            self.discriminator_schedule = BudgetSchedule(
                self.discriminator_optimizer, begin=config.pixels_first, final=config.final_learning_rate
            )
            self.parallel_discriminator = accelerator.prepare_model(self.discriminator)

    def modules(self) -> dict[str, Stateful]:
        found: dict[str, Stateful] = {
            "generator": self.generator,
            "generator_ema": self.generator_ema,
            "generator_optimizer": self.generator_optimizer,
            "generator_schedule": self.generator_schedule,
        }
        if self.discriminator is not None:
            found |= {
                "discriminator": self.discriminator,
                "discriminator_optimizer": self.discriminator_optimizer,
                "discriminator_schedule": self.discriminator_schedule,
            }
        return found

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        config = self.config
        bend = max(config.bend, TREMOR if config.sketch_augment else 0.0)
        source, target = same_geometry(batch["source"], batch["image"], config.flip, config.crop, config.turn, bend)
        if config.hue:
            source, target = same_hue(source, target, config.hue)
        if config.sketch_augment:
            source = other_pen(source, share=0.5)
        with autocast(source.device, config.precision):
            fake = self.parallel_generator(source)
        l1 = (fake - target).abs().mean()
        losses, loss = {"l1": l1.detach()}, config.l1 * l1
        by_pixels_alone = self.generator_schedule.fraction < config.pixels_first
        if self.perceptual is not None and not by_pixels_alone:
            perceptual = self.perceptual(fake, target)
            loss = loss + config.perceptual * perceptual
            losses["perceptual"] = perceptual.detach()
        if self.discriminator is not None and not by_pixels_alone:
            found, features = self._discriminator_step(source, target, fake.detach())
            adversarial, matching = self._opinion(source, fake, features)
            loss = loss + config.adversarial * adversarial + config.feature_matching * matching
            losses |= found | {"adversarial": adversarial.detach(), "feature_matching": matching.detach()}
        self.generator_optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.generator_optimizer.step()
        if self.discriminator is not None:
            self.discriminator.requires_grad_(True)  # `_opinion` is not the discriminator's to learn from
        self.generator_ema.update(self.generator, len(source) * self.accelerator.num_processes)
        return losses

    def _discriminator_step(
        self, source: Tensor, target: Tensor, fake: Tensor
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Descend on the hinge loss; returns losses and the features of the real pairs."""
        with autocast(source.device, self.config.precision):
            both = diff_augment(
                torch.cat([torch.cat([source, source]), torch.cat([target, fake])], 1), self.config.augment
            )
            logits, features = self.parallel_discriminator(both)
        real_logits, fake_logits = logits.chunk(2)
        loss = discriminator_loss("hinge", real_logits, fake_logits)
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.discriminator_optimizer.step()
        losses = {"discriminator_loss": loss.detach(), "margin": (real_logits - fake_logits).detach().mean()}
        return losses, [each.detach().chunk(2)[0] for each in features]

    def _opinion(self, source: Tensor, fake: Tensor, real: list[Tensor]) -> tuple[Tensor, Tensor]:
        """What the discriminator says of fakes, and how far its features of them are from those of the targets.

        The features `real` are from before its last step, which changes them little, and are not worth another pass.
        They cannot be compared where each was augmented by itself, and then only the opinion counts.
        """
        assert self.discriminator is not None
        self.discriminator.requires_grad_(False)
        with autocast(source.device, self.config.precision):
            pair = diff_augment(torch.cat([source, fake], 1), self.config.augment)
            logits, features = self.discriminator(pair)
        gaps = [
            (ours.float() - theirs.float()).abs().mean() / (theirs.float().abs().mean() + 1e-6)
            for ours, theirs in zip(features, real, strict=True)
        ]
        matching = torch.stack(gaps).mean() if not self.config.augment else gaps[0].new_zeros(())
        return generator_loss("hinge", logits, logits), matching

    def inference_modules(self) -> dict[str, nn.Module]:
        return {"translator": self.generator_ema.average}

    @torch.no_grad()
    def translate(self, source: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Translate uint8 [N, H, W, C] by the averaged weights, in batches."""
        parts = [to_float(source[at : at + 50]).to(self.accelerator.device) for at in range(0, len(source), 50)]
        return np.concatenate([to_uint8(self.generator_ema.average(part)) for part in parts])

    def preview(self) -> Tensor:
        """Sources, each with its translation and its target on its right."""
        seen = self.data.val if len(self.data.val) else self.data.train
        sources, targets = (pictures[:: -(-len(seen) // 32)] for pictures in self.pairs(seen))
        return to_float(np.concatenate([sources, self.translate(sources), targets], axis=2))

    def pairs(self, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What the graph is given and what it should give back, uint8 [N, H, W, C]."""
        if split.sources is None:
            raise TrainingError(f"The pictures of {self.data.info.name} are not in pairs.")
        return split.sources, split.images

    def evaluate(self, split: str = "test") -> dict[str, float]:
        """Differences from the targets in pixels and in features, and those of what costs nothing."""
        chosen = self.data.test if split == "test" else self.data.val
        if len(chosen) == 0:
            return {}
        return translation_metrics(self.translate(self.pairs(chosen)[0]), chosen, self.data)

"""CycleGAN: turns one kind of picture into another and back, from examples of both kinds and no pairs.

What: two generators, each fooling a patch discriminator of its kind, and the promise that a picture which goes there
and back comes home as it was (Zhu et al., 2017), which keeps them from making any picture of any other. Losses are
theirs: least squares (LSGAN: Mao et al., 2017), the cycle, and the identity on pictures that are of the wanted kind.
Discriminators also see earlier translations (a pool: Shrivastava et al., 2017). The generator is Pix2Pix's U-Net.
Generators like to hide what the way back needs in specks that no discriminator minds (Chu et al., 2017); with noise on
the translation that goes back (Bashkirova et al., 2019) only what can be seen survives. In use there is no noise: it
gives one answer to a picture, where others would have been as good.

With `--vision`, second discriminators see through a net that knows pictures already (Kumari et al., 2022). It is
EfficientNet-Lite1, and not EfficientNet-Lite0, which measures the results; yet the two are of a kind.

The preset `fastcut` is the cheap alternative, one way with one generator: in place of the cycle, each place of a
translation must be nearer to its own place in the source than to others, in the generator's features (CUT and FastCUT:
Park et al., 2020). A step costs about a third.

The preset `restore` is for sources that are images with noise. The way back is then a model of noise (as in GCBD: Chen
et al., 2018, and C2N: Jang et al., 2021): white noise, filtered and scaled as is learned from a discriminator that
tells its pictures from sources. The way there is the net of `denoiser`, and brings home what the way back has made:
pairs, which nobody had. Sources need not come home: what noise there was no restored picture tells. On CT slices of
50,000 photons that is 35.1 dB after 57 minutes on a core, where real pairs give 35.7 and non-local means 34.1. Of fewer
slices and in fewer steps it was 34.5, and 32.2 with Pix2Pix's U-Net given noise in the place of a model of it
(Augmented CycleGAN: Almahairi et al., 2018).

Any two kinds will do: `--data FOLDER` with A/ and B/ in it, in any number and of any size. With a batch of 4 it takes
about 1 GB of memory at 128 px, 4 GB at 256 and 16 GB at 512, where `--batch-size 1` needs 4.

    genhub train cyclegan --preset cpu --data noto-fluent
    genhub train cyclegan --preset restore --data ct-lowdose --channels 1
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from training.adversarial import discriminator_loss, generator_loss
from training.augment import Augmentation, diff_augment
from training.config import UnpairedConfig
from training.data.dataset import ImageData, Split
from training.ema import EMA
from training.errors import TrainingError
from training.families import denoiser, pix2pix
from training.family import Stateful
from training.hounsfield import window_metrics
from training.nets.noise import Noisy
from training.nets.unpaired import Discriminators, OneWay, Restoring, TwoWay
from training.pairing import other_geometry
from training.pixels import to_float, to_uint8
from training.pool import ImagePool
from training.precision import autocast
from training.schedule import BudgetSchedule
from training.translation import unpaired_metrics

NAME = "cyclegan"
TASK = "translate"
DATA = "noto-fluent"
SIZE_MULTIPLE_IN_TRAINING = pix2pix.SIZE_MULTIPLE_IN_TRAINING


@dataclass(frozen=True)
class Config(UnpairedConfig):
    """Settings of CycleGAN."""

    image_size: int = 128
    """Height and width of the pictures, in pixels; a multiple of 32."""
    channels: int = 3
    """1 for grayscale, 3 for colour."""
    width: int = 24
    """Channels of each generator at half resolution; up to 5 times as many below."""
    discriminator_width: int = 32
    """Channels of each discriminator at half resolution; four times as many below."""
    cycle: float = 10.0
    """Weight of the mean difference (in [-1, 1]) that a picture has after going there and back; 0: one way."""
    cycle_noise: float = 0.0
    """Standard deviation, where pictures are in [-1, 1], of the noise on translations before they go back."""
    source_noise: float = 0.0
    """Sources are images with noise. With which, the way back learns: this is the standard deviation that it begins
    with, where pictures are in [-1, 1]. 0: sources are of any other kind.
    """
    detail: float = 0.0
    """How much enlarged discriminators see, beside the picture, what a blur takes out of it; 0: not at all. For kinds
    that differ in something faint, such as noise.
    """
    vision: float = 0.0
    """Weight of second discriminators, on features of EfficientNet-Lite1, whose weights are fetched once; 0: none."""
    identity: float = 2.0
    """Weight of the mean difference that a generator makes to pictures of the kind that it makes; 0: none."""
    identity_every: int = 4
    """Steps from one identity loss to the next; the weight is multiplied by it."""
    contrastive: float = 0.0
    """One way: weight of the contrast between places (PatchNCE)."""
    patches: int = 128
    """One way: places that are told apart at each resolution."""
    pool: int = 50
    """Earlier translations that half of what a discriminator sees is drawn from; 0: none."""
    learning_rate: float = 4e-4
    """Peak of Adam's learning rate, for the generators."""
    discriminator_learning_rate: float = 4e-4
    """Peak of Adam's learning rate, for the discriminators."""
    final_learning_rate: float = 0.02
    """Share of the peaks that the learning rates end at."""
    flip: bool = True
    """Mirror half of the pictures."""
    crop: float = 1.0
    """Smallest share of the side that a random window of a picture has; 1 always takes the whole."""
    turn: float = 0.0
    """Largest angle by which pictures are turned, in degrees."""
    augment: tuple[Augmentation, ...] = ()
    """DiffAugment's changes before the discriminators, for small data sets: brightness, saturation, contrast,
    translation, cutout.
    """
    half_size_until: float = 0.0
    """Share of the budget that passes at half the size, where a picture costs a quarter."""
    ema_half_life: float = 20_000
    """Half-life of the averaged generators, in images, once enough were seen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least({"width": 3, "discriminator_width": 1, "cycle": 0, "identity": 0, "turn": 0, "pool": 0})
        self.require_at_least({"cycle_noise": 0, "source_noise": 0, "detail": 0, "vision": 0})
        self.require_at_least({"identity_every": 1, "contrastive": 0, "patches": 2})
        if self.image_size % SIZE_MULTIPLE_IN_TRAINING:
            raise TrainingError(
                f"--image-size must be a multiple of {SIZE_MULTIPLE_IN_TRAINING}, not {self.image_size}."
            )
        if not 0.1 <= self.crop <= 1:
            raise TrainingError(f"--crop must be between 0.1 and 1, not {self.crop}.")
        if not 0 <= self.half_size_until < 1:
            raise TrainingError(f"--half-size-until must be at least 0 and below 1, not {self.half_size_until}.")
        smallest = 4 * SIZE_MULTIPLE_IN_TRAINING  # there has to be something to normalise over at half the size
        if self.half_size_until and (self.image_size < smallest or self.image_size % (smallest // 2)):
            raise TrainingError(
                f"With --half-size-until, --image-size must be a multiple of {smallest // 2} from {smallest} on, "
                f"not {self.image_size}."
            )
        if (self.cycle > 0) == (self.contrastive > 0):
            raise TrainingError("Give a weight to --cycle (both ways) or to --contrastive (one way), not to both.")
        if not self.two_way and (self.cycle_noise or self.source_noise):
            raise TrainingError("--cycle-noise and --source-noise are for both ways; there is no way back here.")
        if self.source_noise and (self.cycle_noise or self.identity):
            raise TrainingError("With --source-noise there is neither --cycle-noise nor --identity.")

    @property
    def two_way(self) -> bool:
        """Whether both kinds are made in training."""
        return self.cycle > 0

    @property
    def inverse(self) -> bool:
        """Whether the way back is of use by itself: nobody needs another one that adds noise."""
        return self.two_way and self.source_noise == 0


PRESETS: dict[str, Config] = {
    "smoke": Config(image_size=64, width=6, discriminator_width=8, batch_size=4, max_steps=20, pool=4),
    # The bundle of two generators 12 wide is 6 MB; 24 wide it is 22.
    "cpu": Config(
        width=12,
        discriminator_width=24,
        batch_size=4,
        max_minutes=105.0,
        cycle_noise=0.05,
        discriminator_learning_rate=2e-4,
        crop=0.85,
        turn=8.0,
        augment=("translation", "cutout"),
        half_size_until=0.5,
        ema_half_life=6_000,
    ),
    "gpu": Config(width=64, discriminator_width=64, batch_size=16, max_minutes=30.0, crop=0.85, turn=8.0),
    # Nothing is resampled, which would take noise out of sources. Noise is all that the discriminator should judge by.
    "restore": Config(
        width=32,
        discriminator_width=16,
        batch_size=4,
        max_minutes=75.0,
        identity=0.0,
        source_noise=0.14,
        detail=5.0,
        pool=0,
        learning_rate=5e-4,
        augment=("translation",),
        ema_half_life=6_000,
    ),
    "fastcut": Config(cycle=0.0, identity=0.0, contrastive=10.0, batch_size=4, max_minutes=45.0, crop=0.85, turn=8.0),
}


class Trainer:
    """Trains generators against discriminators."""

    def __init__(self, config: Config, data: ImageData, accelerator: Accelerator) -> None:
        self.config, self.data, self.accelerator = config, data, accelerator
        device = accelerator.device
        self.kinds = ["a"] if config.source_noise else ["b", "a"] if config.two_way else ["b"]
        """Which are made in training; the way back of a restorer makes what it learns from."""
        self.generators = self._nets().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        judges = Discriminators(
            self.kinds, config.channels, config.discriminator_width, config.detail, vision=config.vision > 0
        )
        self.discriminators = judges.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.generators_ema = EMA(self.generators, config.ema_half_life)
        self.generator_optimizer = torch.optim.Adam(
            self.generators.parameters(), lr=config.learning_rate, betas=(0.5, 0.99), foreach=True
        )
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminators.parameters(), lr=config.discriminator_learning_rate, betas=(0.5, 0.99), foreach=True
        )
        self.generator_schedule = BudgetSchedule(self.generator_optimizer, final=config.final_learning_rate)
        self.discriminator_schedule = BudgetSchedule(self.discriminator_optimizer, final=config.final_learning_rate)
        self.pools = {kind: ImagePool(config.pool) for kind in self.kinds}
        # What runs is the accelerator's view of them (DistributedDataParallel), what is saved are the bare modules.
        self.parallel_generators = accelerator.prepare_model(self.generators)
        self.parallel_discriminators = accelerator.prepare_model(self.discriminators)

    def _nets(self) -> nn.Module:
        config = self.config
        if config.source_noise:
            restorer = denoiser.Denoiser(denoiser.Config(channels=config.channels, width=config.width))
            return Restoring(restorer, Noisy(config.channels, config.source_noise))
        like = pix2pix.Config(image_size=config.image_size, channels=config.channels, width=config.width)
        if config.two_way:
            return TwoWay(pix2pix.Generator(like), pix2pix.Generator(like), config.cycle_noise)
        return OneWay(pix2pix.Generator(like), config.patches)

    def modules(self) -> dict[str, Stateful]:
        return {
            "generators": self.generators,
            "discriminators": self.discriminators,
            "generators_ema": self.generators_ema,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
            "generator_schedule": self.generator_schedule,
            "discriminator_schedule": self.discriminator_schedule,
            **{f"pool_{kind}": pool for kind, pool in self.pools.items()},
        }

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        config = self.config
        real = {
            kind: other_geometry(batch[name], config.flip, config.crop, config.turn)
            for kind, name in (("a", "source"), ("b", "image"))
        }
        if self.generator_schedule.fraction < config.half_size_until:
            real = {kind: F.avg_pool2d(each, 2) for kind, each in real.items()}
        fakes, losses = self._generator_step(real["a"], real["b"])
        losses["discriminator_loss"] = self._discriminator_step(real, fakes)
        return losses

    def _generator_step(self, a: Tensor, b: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Returns translations by kind, and losses, both detached."""
        config = self.config
        identity = config.identity > 0 and self.generator_schedule.step % config.identity_every == 0
        self.discriminators.requires_grad_(False)
        with autocast(a.device, config.precision):
            fakes, losses = self.parallel_generators(a, b, identity)
            logits = self.discriminators({kind: diff_augment(fake, config.augment) for kind, fake in fakes.items()})
        losses["adversarial"] = self._of_all(logits, lambda each: generator_loss("least-squares", each, each))
        weights = {
            "cycle": config.cycle,
            "identity": config.identity * config.identity_every,
            "contrastive": config.contrastive,
        }
        loss = torch.stack([weights.get(name, 1.0) * value for name, value in losses.items()]).sum()
        self.generator_optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.generator_optimizer.step()
        self.discriminators.requires_grad_(True)
        self.generators_ema.update(self.generators, len(a) * self.accelerator.num_processes)
        detached = {kind: fake.detach() for kind, fake in fakes.items()}
        return detached, {name: value.detach() for name, value in losses.items()}

    def _discriminator_step(self, real: dict[str, Tensor], fakes: dict[str, Tensor]) -> Tensor:
        config = self.config
        both = {
            kind: diff_augment(torch.cat([real[kind], self.pools[kind].exchange(fake)]), config.augment)
            for kind, fake in fakes.items()
        }
        with autocast(real["a"].device, config.precision):
            logits = self.parallel_discriminators(both)
        loss = self._of_all(logits, lambda each: discriminator_loss("least-squares", *each.chunk(2)))
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.discriminator_optimizer.step()
        return loss.detach()

    def _of_all(self, logits: dict[str, list[Tensor]], loss: Callable[[Tensor], Tensor]) -> Tensor:
        """The loss of all discriminators' logits, by their weights."""
        patches = [loss(each) for each, *_ in logits.values()]
        vision = [self.config.vision * loss(each) for _, *rest in logits.values() for each in rest]
        return torch.stack(patches + vision).sum()

    def inference_modules(self) -> dict[str, nn.Module]:
        average = self.generators_ema.average
        return {"translator": average.there} | ({"inverse": average.back} if self.config.inverse else {})

    @torch.no_grad()
    def translate(self, pictures: NDArray[np.uint8], inverse: bool = False) -> NDArray[np.uint8]:
        """Translate uint8 [N, H, W, C] by the averaged weights, in batches; `inverse` from images to sources."""
        net = self.inference_modules()["inverse" if inverse else "translator"]
        parts = [to_float(pictures[at : at + 50]).to(self.accelerator.device) for at in range(0, len(pictures), 50)]
        return np.concatenate([to_uint8(net(part)) for part in parts])

    def preview(self) -> Tensor:
        """Sources with their translations on their right and, both ways, images with theirs."""
        seen = self.data.val if len(self.data.val) else self.data.train
        sources, images = (each[:: -(-len(each) // 32)] for each in self._kinds(seen))
        columns = [sources, self.translate(sources)]
        if self.config.inverse:
            count = min(len(sources), len(images))
            columns = [*(each[:count] for each in (*columns, images)), self.translate(images[:count], inverse=True)]
        return to_float(np.concatenate(columns, axis=2))

    def pairs(self, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """What the graph is given, uint8 [N, H, W, C], and what it should give back where somebody knows."""
        sources, images = self._kinds(split)
        return sources, images if split.aligned else None

    def _kinds(self, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        if split.sources is None:
            raise TrainingError(f"The pictures of {self.data.info.name} are not of two kinds.")
        return split.sources, split.images

    @property
    def size_multiple(self) -> int | None:
        """What heights and widths have to be multiples of. A U-Net is for the size that it has learned."""
        return denoiser.SIZE_MULTIPLE if self.config.source_noise else None

    @property
    def halvings(self) -> int | None:
        """Of the dose, where that is what sources lack."""
        known = self.data.train.columns.get("halvings")
        return None if known is None or self.config.direction == "BtoA" else int(known.max())

    @property
    def restores(self) -> tuple[str, float, float] | None:
        """What it takes out of pictures, where sources are damaged images: the kind, and from and to what level."""
        return None if (level := self.halvings) is None else ("low-dose CT", level, level)

    def evaluate(self, split: str = "test") -> dict[str, float]:
        """How near translations are to the other kind, beside the sources as they are; what the way back loses."""
        chosen = self.data.test if split == "test" else self.data.val
        if len(chosen) == 0:
            return {}
        sources, images = self._kinds(chosen)
        learned_sources, learned_images = self._kinds(self.data.train)
        there = self.translate(sources)
        found = unpaired_metrics(there, sources, images, learned_images, self.data, chosen.aligned)
        if chosen.aligned and (level := self.halvings) is not None:
            found |= window_metrics(sources, there, images, level)
        if self.config.inverse:
            back = self.translate(images, inverse=True)
            reverse = unpaired_metrics(back, images, sources, learned_sources, self.data, chosen.aligned)
            found["cycle_l1"] = _mean_gap(self.translate(there, inverse=True), sources)
            found |= {f"{name}/inverse": value for name, value in reverse.items()}
            found["cycle_l1/inverse"] = _mean_gap(self.translate(back), images)
        return found


def _mean_gap(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(first.astype(np.int16) - second).mean())

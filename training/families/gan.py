"""Generative adversarial network with a relativistic loss and zero-centred gradient penalties.

What: a generator that turns noise into pictures by being told apart from real ones (Goodfellow et al., 2014), with the
loss of R3GAN (Huang et al., 2024): each fake is compared with a real image, and the discriminator's gradient is kept
small at both (R1 + R2). That pair converges without the tricks that older recipes needed. The penalties need second
derivatives and are taken on every eighth step only, eight times as strong (Karras et al., 2020). `--loss hinge` with
spectral normalisation (Miyato et al., 2018) is the cheaper, rougher way. With few images, `--augment` (DiffAugment)
keeps the discriminator from learning them by heart, and `--cover` the generator from showing a few kinds of them alone:
it draws the sample that is nearest to each training picture closer still (Li and Malik, 2018).

Unlike a VAE's, its pictures are sharp, and it cannot read a picture back into a latent. Noto's people show what
covering is for. Without it, 226,000 pictures leave some twenty kinds of person, again and again, at a kernel distance
of 0.97 to three emoji that were held out, where real training pictures have 0.47 and a Gaussian of principal components
2.26. With it, hardly two of 64 samples are alike after 154,000 pictures, and the distance is 0.89.

    genhub train gan --preset cpu --data fashion
    genhub train gan --preset colour --data emoji-people
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from training.adversarial import Loss, discriminator_loss, generator_loss, gradient_penalty
from training.augment import Augmentation, diff_augment, mirror_half
from training.config import RunConfig
from training.coverage import Coverage, distance
from training.data.dataset import ImageData
from training.ema import EMA
from training.evaluation import evaluation_noise, over_temperatures, sample_metrics
from training.family import Stateful
from training.nets.stages import halvings
from training.pixels import to_uint8
from training.precision import autocast
from training.schedule import BudgetSchedule

NAME = "gan"
TASK = "sample"
DATA = "fashion"


@dataclass(frozen=True)
class Config(RunConfig):
    """Settings of the GAN."""

    latent_dim: int = 64
    """Numbers of noise that a picture is made from."""
    width: int = 24
    """Scale of both nets: twice this many channels at half resolution, three times at a quarter, four below."""
    loss: Loss = "relativistic"
    """relativistic (R3GAN), or hinge with spectral normalisation."""
    penalty: float = 0.3
    """Weight of R1 and R2, the discriminator's squared gradients at real and at fake images (relativistic only)."""
    final_penalty: float = 1.0
    """Share of that weight that it ends at, after the same factor in every equal part of the budget."""
    penalty_every: int = 8
    """Steps from one gradient penalty to the next; the weight is multiplied by it."""
    learning_rate: float = 5e-4
    """Peak of Adam's learning rate, for both nets."""
    final_learning_rate: float = 0.05
    """Share of the peak that the learning rate ends at."""
    augment: tuple[Augmentation, ...] = ()
    """DiffAugment's changes, for small data sets: brightness, saturation, contrast, translation, cutout."""
    ema_half_life: float = 50_000
    """Half-life of the averaged generator, in images, once enough were seen."""
    flip: bool = False
    """Mirror half of the training images."""
    cover: float = 0.0
    """Weight of the squared distance between thumbnails of training pictures and of the samples nearest to them, so
    that a small and varied data set loses none of its kinds (implicit maximum likelihood estimation); 0: without."""
    evaluation_samples: int = 10_000
    """Images generated, and real images taken for the floor, in a Fréchet distance."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least(
            {
                "latent_dim": 1,
                "width": 1,
                "penalty": 0,
                "final_penalty": 0,
                "penalty_every": 1,
                "cover": 0,
                "evaluation_samples": 2,
            }
        )


PRESETS: dict[str, Config] = {
    "smoke": Config(
        latent_dim=8, width=8, batch_size=16, max_steps=30, penalty_every=2, cover=1.0, evaluation_samples=100
    ),
    "cpu": Config(batch_size=32, max_minutes=50.0),
    "gpu": Config(width=64, batch_size=256, max_minutes=15.0, learning_rate=1e-3, checkpoint_minutes=3.0),
    # Some hundreds of pictures in colour that stand alike. Given up after a tenth of the budget (one seed each), a
    # penalty of 0.3 and one of 10 showed the same picture everywhere, where this one showed several people.
    "colour": Config(
        image_size=64,
        channels=3,
        batch_size=16,
        max_minutes=100.0,
        width=16,
        penalty=2.0,
        final_penalty=0.1,
        learning_rate=4e-4,
        augment=("translation",),
        ema_half_life=10_000,
        flip=True,
        cover=5.0,
        evaluation_samples=1000,
    ),
}


def stage_widths(image_size: int, width: int) -> list[int]:
    """Channels at each resolution from half of the full one down to 4x4."""
    return [min(level + 1, 4) * width for level in range(1, halvings(image_size) + 1)]


class GeneratorBlock(nn.Module):
    """Two 3x3 convolutions around the identity. Batch norm: it folds into them for inference."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class Generator(nn.Module):
    """z float [N, D] -> image float [N, C, H, W] in [-1, 1]."""

    def __init__(self, config: Config, inputs: int | None = None) -> None:
        """inputs: numbers that come in, where something is appended to the noise."""
        super().__init__()
        widths = stage_widths(config.image_size, config.width)[::-1]
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], 4, 4)), nn.BatchNorm2d(widths[0]), nn.ReLU()]
        layers.append(GeneratorBlock(widths[0]))
        for narrow, wide in pairwise(widths):
            layers += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv2d(narrow, wide, 3, 1, 1, bias=False),
                nn.BatchNorm2d(wide),
                nn.ReLU(),
                GeneratorBlock(wide),
            ]
        # The last doubling moves channels into pixels (Shi et al., 2016): convolutions stay at half resolution.
        fine = max(config.width // 2, 4)
        layers += [
            nn.Conv2d(widths[-1], 4 * fine, 3, 1, 1, bias=False),
            nn.PixelShuffle(2),
            nn.BatchNorm2d(fine),
            nn.ReLU(),
        ]
        self.stem = nn.Linear(inputs or config.latent_dim, widths[0] * 16)
        self.body = nn.Sequential(*layers, nn.Conv2d(fine, config.channels, 3, 1, 1))

    def forward(self, z: Tensor) -> Tensor:
        image: Tensor = self.body(self.stem(z)).float().tanh()
        return image


class DiscriminatorBlock(nn.Module):
    """Two 3x3 convolutions around the identity, without normalisation, which would tie a batch's images together."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)
        nn.init.zeros_(self.second.weight)  # each block begins as the identity (Zhang et al., 2019)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, 0.2)), 0.2))
        return out


class Discriminator(nn.Module):
    """image float [N, C, H, W] in [-1, 1] -> logit float [N]: `body` finds features [N, F], `head` weighs them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = stage_widths(config.image_size, config.width)
        layers: list[nn.Module] = []
        for narrow, wide in pairwise([config.channels, *widths]):
            layers += [nn.Conv2d(narrow, wide, 4, 2, 1), DiscriminatorBlock(wide)]
        self.feature_dim = widths[-1] * 4
        self.body = nn.Sequential(
            *layers,
            nn.LeakyReLU(0.2),
            nn.Conv2d(widths[-1], self.feature_dim, 4, 1, 0),
            nn.Flatten(),
            nn.LeakyReLU(0.2),
        )
        self.head = nn.Linear(self.feature_dim, 1)
        if config.loss == "hinge":
            for module in [*self.body.modules(), self.head]:
                if isinstance(module, nn.Conv2d | nn.Linear):
                    nn.init.orthogonal_(module.weight)  # zeros have no spectral norm to divide by
                    spectral_norm(module)

    def forward(self, image: Tensor) -> Tensor:
        return self.score(self.body(image).float())

    def score(self, features: Tensor) -> Tensor:
        """Logits float [N] of features float [N, F], in full precision: the losses live on their small differences."""
        with torch.autocast(features.device.type, enabled=False):
            logit: Tensor = self.head(features)[:, 0]
        return logit


class Trainer:
    """Trains a generator against a discriminator."""

    def __init__(self, config: Config, data: ImageData, accelerator: Accelerator) -> None:
        self.config, self.data, self.accelerator = config, data, accelerator
        device = accelerator.device
        generator, discriminator = self._nets()
        self.generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.discriminator = discriminator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.generator_ema = EMA(self.generator, config.ema_half_life)
        # beta1 = 0: yesterday's gradient of a game is about yesterday's opponent.
        self.generator_optimizer = torch.optim.Adam(
            self.generator.parameters(), lr=config.learning_rate, betas=(0.0, 0.99), foreach=True
        )
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), lr=config.learning_rate, betas=(0.0, 0.99), foreach=True
        )
        self.generator_schedule = BudgetSchedule(self.generator_optimizer, final=config.final_learning_rate)
        self.discriminator_schedule = BudgetSchedule(self.discriminator_optimizer, final=config.final_learning_rate)
        # What runs is the accelerator's view of them (DistributedDataParallel), what is saved are the bare modules.
        self.parallel_generator = accelerator.prepare_model(self.generator)
        self.parallel_discriminator = accelerator.prepare_model(self.discriminator)
        self.coverage = Coverage(self.kinds)
        self.noise = torch.randn(64, config.latent_dim, generator=torch.Generator().manual_seed(config.seed))

    @property
    def kinds(self) -> int:
        """Of pictures that the generator can be asked for."""
        return 1

    def _nets(self) -> tuple[nn.Module, nn.Module]:
        return Generator(self.config), Discriminator(self.config)

    def _condition(self, label: Tensor) -> tuple[Tensor, ...]:
        """What the generator takes beside noise, and pictures are judged by: nothing here."""
        return ()

    def _logits(self, judged: Tensor, condition: tuple[Tensor, ...]) -> Tensor:
        """Logits float [N] of pictures, of what the discriminator says of them."""
        return judged

    def _misnaming(self, judged: Tensor, condition: tuple[Tensor, ...], *, made: bool) -> Tensor | None:
        """What both players descend on beside the game: how badly the discriminator sees what was asked for.

        made: whether the pictures are the generator's, or real.
        """
        return None

    def modules(self) -> dict[str, Stateful]:
        always: dict[str, Stateful] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_ema": self.generator_ema,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
            "generator_schedule": self.generator_schedule,
            "discriminator_schedule": self.discriminator_schedule,
        }
        return always | ({"coverage": self.coverage} if self.config.cover else {})

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        real, label = batch["image"], batch["label"] % self.kinds
        condition = self._condition(label)
        if self.config.flip:
            real = mirror_half(real)
        self.generator.train()
        self.discriminator.train()
        noise = torch.randn(len(real), self.config.latent_dim, device=real.device)
        # A run of single pictures has none to spare.
        covered = real[: len(real) // 2] if self.config.cover else real[:0]
        asked = condition
        if len(covered):
            kind = label[: len(covered)]
            nearest = self.coverage.nearest(covered, kind, self.config.latent_dim, self._generated)
            noise, asked = torch.cat([noise, nearest]), self._condition(torch.cat([label, kind]))
        with autocast(real.device, self.config.precision):
            made = self.parallel_generator(noise, *asked)
        fake, covering = made[: len(real)], made[len(real) :]
        losses, real_logits = self._discriminator_step(real, fake.detach(), condition)
        gap = distance(covering, covered) if len(covered) else None
        return losses | self._generator_step(fake, real_logits, condition, gap)

    def _generated(self, noise: Tensor, label: Tensor) -> Tensor:
        """Pictures of the averaged generator, as many as there are labels."""
        made: Tensor = self.generator_ema.average(noise, *self._condition(label))
        return made

    def _discriminator_step(
        self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Descend on the loss, and now and then on the penalties; returns losses and the logits of `real`."""
        config = self.config
        penalised = config.loss == "relativistic" and self.discriminator_schedule.step % config.penalty_every == 0
        both = diff_augment(torch.cat([real, fake]), config.augment).requires_grad_(penalised)
        # Second derivatives are delicate: in full precision.
        with autocast(real.device, "fp32" if penalised else config.precision):
            judged = self.parallel_discriminator(both)
        logits = self._logits(judged, tuple(torch.cat([each, each]) for each in condition))
        real_logits, fake_logits = logits.chunk(2)
        loss = discriminator_loss(config.loss, real_logits, fake_logits)
        misnaming = self._misnaming(judged[: len(real)], condition, made=False)
        losses = {"discriminator_loss": loss.detach(), "margin": (real_logits - fake_logits).detach().mean()}
        if misnaming is not None:
            loss = loss + misnaming
        if penalised:
            # R1 and R2 at once: half of `both` are real, half are fake.
            penalty = 2 * gradient_penalty(logits, both)
            losses["penalty"] = penalty.detach()
            weight = config.penalty * config.final_penalty**self.discriminator_schedule.fraction
            loss = loss + 0.5 * weight * config.penalty_every * penalty
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.discriminator_optimizer.step()
        return losses, real_logits.detach()

    def _generator_step(
        self, fake: Tensor, real_logits: Tensor, condition: tuple[Tensor, ...], gap: Tensor | None
    ) -> dict[str, Tensor]:
        """Descend through the discriminator, whose own gradients are not wanted, and on the `gap` that coverage leaves.

        `real_logits` are from before its last step: they only say how far behind the fakes are, and are not worth
        another pass. The fakes' gradient is: taken from the discriminator's own pass, by the chain rule, it moves both
        players at once, and after a tenth of the budget there was one picture for all noise.
        """
        self.discriminator.requires_grad_(False)
        with autocast(fake.device, self.config.precision):
            judged = self.discriminator(diff_augment(fake, self.config.augment))
        loss = generator_loss(self.config.loss, real_logits, self._logits(judged, condition))
        losses = {"generator_loss": loss.detach()}
        misnaming = self._misnaming(judged, condition, made=True)
        if misnaming is not None:
            losses["misnaming"] = misnaming.detach()
            loss = loss + misnaming
        if gap is not None:
            losses["distance"] = gap.detach()
            loss = loss + self.config.cover * gap
        self.generator_optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.generator_optimizer.step()
        self.discriminator.requires_grad_(True)
        self.generator_ema.update(self.generator, len(fake) * self.accelerator.num_processes)
        return losses

    def inference_modules(self) -> dict[str, nn.Module]:
        return {"decoder": self.generator_ema.average}

    @torch.no_grad()
    def sample(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        """Images float [N, C, H, W] in [-1, 1] of noise float [N, D], on the host, in batches."""
        device = self.accelerator.device
        parts = zip(*(torch.split(each.to(device), 500) for each in (noise, label) if each is not None), strict=True)
        return torch.cat([self.generator_ema.average(*part).cpu() for part in parts])

    def preview(self) -> Tensor:
        return self.sample(self.noise)

    def evaluate(self, split: str = "test") -> dict[str, float]:
        """Distance, precision and recall of samples of fixed noise, at several temperatures, where there is an
        evaluator.
        """
        if len(self.data.test if split == "test" else self.data.val) == 0:
            return {}
        return over_temperatures(lambda temperature: self._measure(split, temperature))

    def _measure(self, split: str, temperature: float) -> dict[str, float]:
        noise = temperature * evaluation_noise(self.config.evaluation_samples, self.config.latent_dim)
        return sample_metrics(to_uint8(self.sample(noise)), self.data, split)

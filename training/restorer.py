"""What restoring recipes share: clean pictures are damaged, a net undoes it, and PSNR says how well.

A family brings the damage and the net. It learns from random windows of the pictures, at a random level of the damage
for each. Blind, it is told nothing of it. One that can be told takes a map of the level beside the picture (FFDNet:
Zhang et al., 2018), and finds out where the map says that it is not known, as it does for half of what it learns from.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import RunConfig
from training.damage import Damage, batches, damaged_images
from training.data.dataset import ImageData, Split
from training.ema import EMA
from training.errors import TrainingError
from training.evaluation import unpadded
from training.family import Stateful
from training.metrics import psnr
from training.pixels import to_float, to_uint8
from training.precision import autocast
from training.schedule import BudgetSchedule

UNKNOWN = -1.0
"""In a map of levels: not told. Whatever is below 0 says so."""
TOLD = "told the level"
"""What is said of numbers where it was."""


@dataclass(frozen=True)
class RestorerConfig(RunConfig):
    """Settings of any restorer."""

    width: int = 48
    """Channels at half resolution; more below."""
    blocks: int = 1
    """Residual blocks at half resolution, on the way down and again on the way up."""
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
        self.require_at_least({"width": 1, "blocks": 1, "crop": 1})

    def require_multiples(self, multiple: int) -> None:
        """Refuse sizes that the net does not divide; for the `__post_init__` of families. Raises TrainingError."""
        for name in ("image_size", "crop"):
            if getattr(self, name) % multiple:
                raise TrainingError(
                    f"--{name.replace('_', '-')} must be a multiple of {multiple}, not {getattr(self, name)}."
                )


@dataclass(frozen=True)
class ToldConfig(RestorerConfig):
    """Settings of restorers that can be told how much of the damage there is."""

    told: bool = False
    """Also take a map of the level of the damage, which may say that it is not known. The presets do."""


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


def mean_squares(difference: Tensor) -> Tensor:
    """Of each picture float [N, C, H, W]: float [N]."""
    return difference.square().mean(dim=(1, 2, 3))


class Restorer:
    """Trains a net against one kind of damage. Subclasses are the trainers of families."""

    damage: Damage
    size_multiple: int
    """The net takes any height and width that are multiples of it."""
    levels: tuple[int, ...]
    """Of the damage, for evaluation."""
    unit: str
    """What a level is called in the names of metrics, for example sigma."""
    state: str
    """What a damaged picture is, in the names of metrics, for example noisy."""

    def __init__(self, config: Any, data: ImageData, accelerator: Accelerator) -> None:
        self.config, self.data, self.accelerator = config, data, accelerator
        self.told = isinstance(config, ToldConfig) and config.told
        self.restorer = self.net().to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.restorer_ema = EMA(self.restorer, config.ema_half_life)
        self.optimizer = torch.optim.AdamW(
            self.groups(), lr=config.learning_rate, weight_decay=config.weight_decay, foreach=True
        )
        self.schedule = BudgetSchedule(self.optimizer)
        # What runs is the accelerator's view of it (DistributedDataParallel), what is saved is the bare module.
        self.parallel_restorer = accelerator.prepare_model(self.restorer)

    def net(self) -> nn.Module:
        """Damaged float [N, C, H, W] in [-1, 1] -> restored, the same. Where it can be told: beside that, levels float
        [N, 1, H, W], below 0 where not known.
        """
        raise NotImplementedError

    def groups(self) -> list[dict[str, Any]]:
        """What the optimizer changes, in groups with settings of their own, as torch takes them."""
        return [{"params": list(self.restorer.parameters())}]

    def random_levels(self, count: int) -> Tensor:
        """Levels of the damage for one step, float [count] on the device."""
        raise NotImplementedError

    def modules(self) -> dict[str, Stateful]:
        return {
            "restorer": self.restorer,
            "restorer_ema": self.restorer_ema,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        errors = self.errors(batch["image"])
        # The logarithm of each picture's error, which is what PSNR averages (Chen et al., 2022): the worst damaged
        # would take all of the gradient otherwise. The small number keeps those without damage from doing the same.
        loss = torch.stack([torch.log(each + 1e-4).mean() for each in errors.values()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        for group in self.optimizer.param_groups:
            self.accelerator.clip_grad_norm_(group["params"], self.config.clip_norm)
        self.optimizer.step()
        self.restorer_ema.update(self.restorer, len(batch["image"]) * self.accelerator.num_processes)
        return {"loss": loss.detach()} | {name: each.detach().mean() for name, each in errors.items()}

    def errors(self, image: Tensor) -> dict[str, Tensor]:
        """By a name for the log, mean squared errors float [M] of what is made of pictures float [N, C, H, W]."""
        clean = self._window(image)
        levels = self.random_levels(len(clean))
        damaged = self.damage(clean, levels, None)
        known = torch.where(torch.rand_like(levels) < 0.5, levels, UNKNOWN)
        with autocast(clean.device, self.config.precision):
            restored = self.parallel_restorer(*self._told(damaged, known))
        return {"mse": mean_squares(restored - clean)}

    def _told(self, damaged: Tensor, levels: Tensor) -> tuple[Tensor, ...]:
        """What the net takes: pictures float [N, C, H, W], and where it can be told, a map of the levels float [N]."""
        if not self.told:
            return (damaged,)
        return damaged, levels[:, None, None, None].expand(-1, 1, *damaged.shape[2:])

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

    def inference_modules(self) -> dict[str, nn.Module]:
        return {"translator": self.restorer_ema.average}

    @torch.no_grad()
    def restore(self, damaged: NDArray[np.uint8], level: float = UNKNOWN) -> NDArray[np.uint8]:
        """Restore uint8 [N, H, W, C] by the averaged weights, in batches; told the level where it is known."""
        parts = [to_float(damaged[part]).to(self.accelerator.device) for part in batches(damaged)]
        given = [self._told(part, part.new_full((len(part),), level)) for part in parts]
        return np.concatenate([to_uint8(self.restorer_ema.average(*each)) for each in given])

    def preview(self) -> Tensor:
        """Damaged pictures, each with its restored one on its right."""
        seen = self.data.val if len(self.data.val) else self.data.train
        damaged, _ = self.pairs(Split(seen.images[:32], seen.labels[:32]))
        both = np.stack([damaged, self.restore(damaged)], axis=1)
        return to_float(both.reshape(-1, *damaged.shape[1:]))

    def pairs(self, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What the graph is given and what it should give back, uint8 [N, H, W, C]; the levels take turns."""
        return damaged_images(self.damage, split.images, np.resize(self.levels, len(split))), split.images

    def evaluate(self, split: str = "test") -> dict[str, float]:
        """PSNR (dB) of damaged and of restored pictures at each level, without their padding; fixed randomness.

        Where it can be told: blind and, after a slash, told.
        """
        chosen = self.data.test if split == "test" else self.data.val
        if len(chosen) == 0:
            return {}
        clean = unpadded(chosen.images, self.data)
        found: dict[str, float] = {}
        for level in self.levels:
            damaged = damaged_images(self.damage, clean, np.full(len(clean), level))
            found |= self.measure(damaged, self.restore(damaged), clean, level)
            if self.told:
                told = self.measure(damaged, self.restore(damaged, level), clean, level)
                found |= {f"{key}/{TOLD}": value for key, value in told.items()}
        return found

    def measure(
        self, damaged: NDArray[np.uint8], restored: NDArray[np.uint8], clean: NDArray[np.uint8], level: int
    ) -> dict[str, float]:
        """What is said of pictures uint8 [N, H, W, C] at one level."""
        at = f"psnr_{self.unit}_{level}"
        return {at: psnr(restored, clean), f"{self.state}_{at}": psnr(damaged, clean)}

"""Settings that every family's run has; a family's `Config` extends them with its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.errors import TrainingError

PairLayout = Literal["folders", "side-by-side"]
Direction = Literal["AtoB", "BtoA"]


@dataclass(frozen=True)
class Pairing:
    """Where both kinds of pictures lie in a user's folder, in pairs or not, and which of them are the sources."""

    layout: PairLayout | Literal["unpaired"]
    direction: Direction


@dataclass(frozen=True)
class RunConfig:
    """Settings of any run. Each field is a flag of `genhub train`."""

    image_size: int = 32
    """Height and width of the training images, in pixels."""
    channels: int = 1
    """1 for grayscale, 3 for colour."""
    batch_size: int = 128
    """Images per step and process."""
    max_steps: int | None = None
    """Stop after this many steps (whichever of the two budgets ends first)."""
    max_minutes: float | None = None
    """Stop after this many minutes of training, all resumed parts together."""
    seed: int = 0
    """Seed of weights, noise and data order."""
    start: str | None = None
    """Folder of a bundle of the same settings, whose weights the nets begin with; nothing else of it. Its family is the
    same, or one that this one builds on."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Autocast to bfloat16: auto does so where the hardware multiplies it natively."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; the last two are kept, and one is always written at the end."""
    sample_minutes: float = 2.0
    """Minutes between sample grids."""

    @property
    def pairing(self) -> "Pairing | None":
        """How the data's pictures are paired, for families that learn from pairs."""
        return None

    def __post_init__(self) -> None:
        """Refuse what cannot work, before anything is loaded. Raises TrainingError."""
        self.require_at_least(LEAST)
        if self.channels not in (1, 3):
            raise TrainingError(f"--channels must be 1 (grayscale) or 3 (colour), not {self.channels}.")
        if self.max_minutes is not None and self.max_minutes <= 0:
            raise TrainingError(f"--max-minutes must be more than 0, not {self.max_minutes}.")
        if self.seed >= 1 << 32:
            raise TrainingError(f"--seed must be below 2^32, not {self.seed}.")

    def require_at_least(self, least: Mapping[str, float]) -> None:
        """Refuse values below the smallest that work, by field; for the `__post_init__` of families. TrainingError."""
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise TrainingError(f"--{name.replace('_', '-')} must be at least {smallest}, not {value}.")


@dataclass(frozen=True)
class PairedConfig(RunConfig):
    """Settings of any run that learns from pairs of pictures."""

    pairs: PairLayout = "folders"
    """How a folder of one's own holds pairs: files of the same name in A/ and B/, or A and B side by side in one."""
    direction: Direction = "AtoB"
    """Which picture becomes which: AtoB makes the image from the source, BtoA the reverse."""

    @property
    def pairing(self) -> Pairing | None:
        return Pairing(self.pairs, self.direction)


@dataclass(frozen=True)
class UnpairedConfig(RunConfig):
    """Settings of any run that learns from two kinds of pictures, none of which belongs to another."""

    direction: Direction = "AtoB"
    """Which kind becomes which: AtoB makes images from the sources, BtoA the reverse."""

    @property
    def pairing(self) -> Pairing | None:
        return Pairing("unpaired", self.direction)


LEAST = {"image_size": 1, "batch_size": 1, "max_steps": 1, "seed": 0, "checkpoint_minutes": 0, "sample_minutes": 0}
"""Smallest values that work."""

CHANGEABLE = frozenset({"max_steps", "max_minutes", "checkpoint_minutes", "sample_minutes"})
"""Fields that may differ when a run is resumed; any other change would make it another run."""

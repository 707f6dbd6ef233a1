"""Settings that every family's run has; a family's `Config` extends them with its own."""

from dataclasses import dataclass
from typing import Literal


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
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Autocast to bfloat16: auto does so where the hardware multiplies it natively."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; the last two are kept, and one is always written at the end."""
    sample_minutes: float = 2.0
    """Minutes between sample grids."""


CHANGEABLE = frozenset({"max_steps", "max_minutes", "checkpoint_minutes", "sample_minutes"})
"""Fields that may differ when a run is resumed; any other change would make it another run."""

"""Exponential moving average of weights, with a ramp that makes it useful on short runs too."""

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

RAMP = 0.05
"""Upper bound of the half-life as a share of the images seen (Karras et al., 2024): early weights fade in time."""


class EMA(nn.Module, Generic[M]):
    """Averaged copy of a module, in eval mode without gradients; `average` is what gets evaluated and exported."""

    average: M
    images_seen: Tensor

    def __init__(self, module: M, half_life: float = 500_000) -> None:
        """half_life: in images, the target once enough of them were seen."""
        super().__init__()
        self.average = deepcopy(module).requires_grad_(False).eval()
        self.half_life = half_life
        # Not `register_buffer` on a device: a host-side double keeps the count exact and costs no synchronisation.
        self.register_buffer("images_seen", torch.zeros((), dtype=torch.float64, device="cpu"))

    def _apply(self, fn, recurse: bool = True):  # type: ignore[no-untyped-def]
        """Move the average with `.to(...)`, but leave the counter on the host."""
        counter = self.images_seen
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.images_seen = counter
        return self

    @torch.no_grad()
    def update(self, module: M, images: int) -> None:
        """Move towards `module`, which has just learned from `images` more images."""
        self.images_seen += images
        half_life = min(self.half_life, RAMP * float(self.images_seen))
        weight = 1 - 0.5 ** (images / half_life)
        torch._foreach_lerp_(list(self.average.parameters()), list(module.parameters()), weight)
        for averaged, current in zip(self.average.buffers(), module.buffers(), strict=True):
            if averaged.is_floating_point():
                averaged.lerp_(current, weight)
            else:
                averaged.copy_(current)

    def train(self, mode: bool = True) -> "EMA[M]":
        """Stays in eval mode."""
        return super().train(False)

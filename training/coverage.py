"""Samples for every kind of training picture, so that a generator keeps none of them out.

Implicit maximum likelihood estimation (Li and Malik, 2018) turns an adversary's question round: not whether each sample
looks like some training picture, which one convincing sample repeated for all noise would pass, but whether each
training picture has a sample near it. Of many samples the nearest is drawn closer still. Here it is asked of
thumbnails: what is where and in which colour, and leaves the detail, where nearness would mean blur, to the adversary.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

THUMBNAIL = 16
"""Pixels a side, at most, of what is compared."""
POOL = 512
"""Samples in the pool that training pictures are matched with, at least."""
OF_A_KIND = 8
"""Samples of each kind in it, at least."""
REFRESH = 10
"""Steps from one pool to the next: its samples cost a pass through the generator."""


def thumbnails(images: Tensor) -> Tensor:
    """Images float [N, C, H, W], averaged down to at most THUMBNAIL pixels a side: float [N, C * h * w]."""
    height, width = images.shape[2:]
    return F.adaptive_avg_pool2d(images.float(), (min(height, THUMBNAIL), min(width, THUMBNAIL))).flatten(1)


def distance(samples: Tensor, images: Tensor) -> Tensor:
    """Mean squared difference between thumbnails of samples and of the images beside them, float [N, C, H, W]."""
    return F.mse_loss(thumbnails(samples), thumbnails(images))


class Coverage:
    """A pool of noise with the thumbnails that a generator made of it. Its state is saved with a run."""

    def __init__(self, kinds: int = 1) -> None:
        """kinds: that the generator is asked for, and pictures are of; a picture is matched with those of its own."""
        self.steps = 0
        self.noise = self.seen = torch.empty(0)
        self.kind = torch.arange(max(POOL, OF_A_KIND * kinds)) % kinds

    @torch.no_grad()
    def nearest(
        self, images: Tensor, kind: Tensor, latent_dim: int, generate: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """For each of the images float [N, C, H, W] the noise in the pool that came nearest to it: float [N, D].

        kind: int64 [N], of the images. generate: makes images of noise float [N, latent_dim] and kinds int64 [N]; asked
        for a new pool on every REFRESH-th call.
        """
        self.kind = self.kind.to(images.device)
        if self.steps % REFRESH == 0:
            self.noise = torch.randn(len(self.kind), latent_dim, device=images.device)
            parts = zip(torch.split(self.noise, 128), torch.split(self.kind, 128), strict=True)
            self.seen = torch.cat([thumbnails(generate(*part)) for part in parts])
        self.steps += 1
        # A checkpoint is read on the host, wherever its run goes on.
        self.noise, self.seen = self.noise.to(images.device), self.seen.to(images.device)
        distances = torch.cdist(thumbnails(images), self.seen)
        return self.noise[distances.masked_fill(kind[:, None] != self.kind, torch.inf).argmin(dim=1)]

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "noise": self.noise, "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps, self.noise, self.seen = state["steps"], state["noise"], state["seen"]

"""Contrast between places of a picture: what a translation shows at a place should be known as what was there before.

What: PatchNCE (Park et al., 2020). Features of source and translation are projected place by place; each place of the
translation must find its own place in the source among others of the same picture (InfoNCE: van den Oord et al., 2018).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEMPERATURE = 0.07


class PatchProjection(nn.Module):
    """Features float [N, P, C] of places at one resolution -> unit vectors float [N, P, D]."""

    def __init__(self, channels: list[int], size: int = 128) -> None:
        """channels: of each resolution. size: numbers that a place is told by."""
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(count, size), nn.ReLU(), nn.Linear(size, size)) for count in channels
        )

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        return [F.normalize(head(x).float(), dim=2) for head, x in zip(self.heads, features, strict=True)]


def patch_contrast(projection: PatchProjection, made: list[Tensor], given: list[Tensor], patches: int) -> Tensor:
    """Mean cross-entropy of finding the right place; made, given: features float [N, C, H, W] at each resolution.

    `patches` places a picture are drawn at each resolution, the same for all pictures. No gradient flows into `given`.
    """
    queries, keys = [], []
    for ours, theirs in zip(made, given, strict=True):
        count = ours.shape[2] * ours.shape[3]
        places = torch.randperm(count, device=ours.device)[:patches]
        queries.append(ours.flatten(2)[:, :, places].transpose(1, 2))
        keys.append(theirs.detach().flatten(2)[:, :, places].transpose(1, 2))
    losses = []
    for query, key in zip(projection(queries), projection(keys), strict=True):
        likeness = query @ key.detach().transpose(1, 2) / TEMPERATURE
        right = torch.arange(likeness.shape[1], device=likeness.device).expand(len(likeness), -1)
        losses.append(F.cross_entropy(likeness.flatten(0, 1), right.flatten()))
    return torch.stack(losses).mean()

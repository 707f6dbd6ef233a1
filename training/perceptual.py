"""Perceptual distance: how far two pictures are from each other in the features of a net that knows pictures.

What: the idea of LPIPS (Zhang et al., 2018) without its learned weights: features of a frozen net at five depths, each
place's channels brought to length one, squared differences averaged over places and added up. A washed-out picture
that sits in the middle of all plausible ones is near to the target in pixels, and far from it here.

`perceptual_distance` measures, in EfficientNet-Lite0; the numbers are this instrument's own and cannot be compared with
LPIPS. `PerceptualLoss` is the same as something to learn from (Johnson et al., 2016), in EfficientNet-Lite1: nothing is
measured by the net that taught it. The two are of a kind and know the same photographs, so a model that learned from
one may well please the other more than it pleases people.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.imagenet import EfficientNetLite, around_zero, efficientnet, prepare, teacher

DEPTHS = (1, 2, 3, 5, 7)
"""Stages whose results are compared: the last one at each resolution, from a half to a thirty-second."""


class PerceptualLoss:
    """Mean perceptual distance of pictures, to descend on.

    Both float [N, 1 or 3, H, W] in [-1, 1], 32 pixels a side or more -> a scalar; gradients reach the first ones alone.
    Raises TrainingError where the weights cannot be had.
    """

    def __init__(self, device: torch.device) -> None:
        self.net = teacher(device)

    def __call__(self, pictures: Tensor, targets: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = _stages(self.net, around_zero(targets))
        return _gap(_stages(self.net, around_zero(pictures)), wanted).mean()


@torch.no_grad()
def perceptual_distance(first: NDArray[np.uint8], second: NDArray[np.uint8], batch_size: int = 32) -> float:
    """Mean over pairs of pictures uint8 [N, H, W, 3]; 0 for equal ones, at most 2 a depth. TrainingError."""
    net, found = efficientnet(), []
    for at in range(0, len(first), batch_size):
        ours, theirs = (_stages(net, prepare(images[at : at + batch_size])) for images in (first, second))
        found.append(_gap(ours, theirs))
    return float(torch.cat(found).double().mean())


def _stages(net: EfficientNetLite, x: Tensor) -> list[Tensor]:
    """Features at DEPTHS float [N, C, h, w], each place's of length one."""
    return [F.normalize(each.float(), dim=1, eps=1e-6) for each in net.stages(x, DEPTHS)]


def _gap(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """Distances float [N] of pictures with these features."""
    gaps = [(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in zip(ours, theirs, strict=True)]
    return torch.stack(gaps).sum(dim=0)

"""Perceptual distance: how far two pictures are from each other in the features of a net that knows pictures.

What: the idea of LPIPS (Zhang et al., 2018) without its learned weights: features of a frozen net at five depths, each
place's channels brought to length one, squared differences averaged over places and added up. The net is
EfficientNet-Lite0, so the numbers are this instrument's own and cannot be compared with LPIPS. A washed-out picture
that sits in the middle of all plausible ones is near to the target in pixels, and far from it here.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.imagenet import STAGES, EfficientNetLite0, efficientnet, prepare

STEM_LAYERS = 3
"""Convolution, normalisation and activation before the first stage."""
DEPTHS = (1, 2, 3, 5, 7)
"""Stages whose results are compared: the last one at each resolution, from a half to a thirty-second."""


@torch.no_grad()
def perceptual_distance(first: NDArray[np.uint8], second: NDArray[np.uint8], batch_size: int = 32) -> float:
    """Mean over pairs of pictures uint8 [N, H, W, 3]; 0 for equal ones, at most 2 a depth. TrainingError."""
    net, found = efficientnet(), []
    for at in range(0, len(first), batch_size):
        features = [_stages(net, prepare(images[at : at + batch_size])) for images in (first, second)]
        gaps = [(ours - theirs).square().sum(dim=1).mean(dim=(1, 2)) for ours, theirs in zip(*features, strict=True)]
        found.append(torch.stack(gaps).sum(dim=0))
    return float(torch.cat(found).double().mean())


def _stages(net: EfficientNetLite0, x: Tensor) -> list[Tensor]:
    """Features at DEPTHS float [N, C, h, w], each place's of length one."""
    ends = np.cumsum([count for *_, count in STAGES]) + STEM_LAYERS
    wanted = {int(ends[depth - 1]) for depth in DEPTHS}
    found = []
    for number, layer in enumerate(net.body[: max(wanted)], start=1):
        x = layer(x)
        if number in wanted:
            found.append(F.normalize(x, dim=1, eps=1e-6))
    return found

"""Random changes to training images, all of them differentiable."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Augmentation = Literal["brightness", "saturation", "contrast", "translation", "cutout"]


def mirror_half(images: Tensor) -> Tensor:
    """About half of images float [N, C, H, W], mirrored left to right; the others as they are."""
    mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(mirrored, images.flip(3), images)


def diff_augment(images: Tensor, policy: Sequence[Augmentation]) -> Tensor:
    """DiffAugment (Zhao et al., 2020): random changes that gradients pass through, for both real and fake images.

    images: float [N, C, H, W] in [-1, 1]; each image is changed by itself. With few training images it keeps the
    discriminator from learning them by heart.
    """
    for name in policy:
        images = _AUGMENTATIONS[name](images)
    return images


def _uniform(images: Tensor) -> Tensor:
    return torch.rand(len(images), 1, 1, 1, device=images.device, dtype=images.dtype)


def _brightness(images: Tensor) -> Tensor:
    return images + (_uniform(images) - 0.5)


def _saturation(images: Tensor) -> Tensor:
    grey = images.mean(dim=1, keepdim=True)
    return grey + (images - grey) * (2 * _uniform(images))


def _contrast(images: Tensor) -> Tensor:
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (_uniform(images) + 0.5)


def _translation(images: Tensor) -> Tensor:
    """Shift by up to an eighth of each side; what comes in is black."""
    count, _, height, width = images.shape
    reach_y, reach_x = height // 8, width // 8
    device = images.device
    shift_y = torch.randint(0, 2 * reach_y + 1, (count, 1), device=device)
    shift_x = torch.randint(0, 2 * reach_x + 1, (count, 1), device=device)
    padded = F.pad(images, (reach_x, reach_x, reach_y, reach_y), value=-1.0).permute(0, 2, 3, 1)
    rows = torch.arange(height, device=device) + shift_y
    columns = torch.arange(width, device=device) + shift_x
    image = torch.arange(count, device=device)[:, None, None]
    return padded[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _cutout(images: Tensor) -> Tensor:
    """Grey out a square of half the side, anywhere, also over the edge."""
    count, _, height, width = images.shape
    device = images.device

    def stripe(side: int) -> Tensor:
        centre = torch.randint(0, side, (count, 1), device=device)
        return (torch.arange(side, device=device) - centre).abs() < side // 4

    hole = stripe(height)[:, None, :, None] & stripe(width)[:, None, None, :]
    return images.masked_fill(hole, 0.0)


_AUGMENTATIONS: dict[Augmentation, Callable[[Tensor], Tensor]] = {
    "brightness": _brightness,
    "saturation": _saturation,
    "contrast": _contrast,
    "translation": _translation,
    "cutout": _cutout,
}

"""Random changes to training images, all of them differentiable."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

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
    """Shift by up to an eighth of each side. What comes in repeats the edge, where the paper has black: on white paper,
    that is a frame for the generator to learn.
    """
    count, _, height, width = images.shape
    device = images.device

    def source(side: int) -> Tensor:
        """Where the pixels along a side come from: int64 [N, side]."""
        reach = side // 8
        shift = torch.randint(-reach, reach + 1, (count, 1), device=device)
        return (torch.arange(side, device=device) + shift).clamp(0, side - 1)

    image = torch.arange(count, device=device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[image, source(height)[:, :, None], source(width)[:, None, :]]
    return moved.permute(0, 3, 1, 2)


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

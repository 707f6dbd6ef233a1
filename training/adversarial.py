"""What adversarial recipes share: losses, gradient penalty, and augmentation that the generator can learn through.

Discriminators ("critics" where they give no probability) return one logit an image, float [N]; higher is more real.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Literal["relativistic", "hinge"]


def discriminator_loss(kind: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator descends on. real, fake: logits float [N].

    relativistic: a real image should score above the fake beside it (Jolicoeur-Martineau, 2018; R3GAN: Huang et al.,
    2024), so no mode of the data can be dropped unpunished. hinge: each on its side of a margin (Lim and Ye, 2017).
    """
    if kind == "relativistic":
        return F.softplus(fake - real).mean()
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_loss(kind: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """What the generator descends on; `real` matters to the relativistic loss alone."""
    if kind == "relativistic":
        return F.softplus(real - fake).mean()
    return -fake.mean()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Mean squared norm of the discriminator's gradient at images float [N, C, H, W].

    At real images this is R1 (Mescheder et al., 2018), at fakes R2. In full precision: second derivatives are delicate.
    """
    images = images.detach().float().requires_grad_(True)
    with torch.autocast(images.device.type, enabled=False):
        logits = discriminator(images)
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().flatten(1).sum(dim=1).mean()


Augmentation = Literal["brightness", "saturation", "contrast", "translation", "cutout"]


def augment(images: Tensor, policy: Sequence[Augmentation]) -> Tensor:
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

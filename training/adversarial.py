"""What adversarial recipes share: losses and the gradient penalty.

Discriminators ("critics" where they give no probability) return one logit an image, float [N]; higher is more real.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Literal["relativistic", "hinge"]
AnyLoss = Literal["relativistic", "hinge", "least-squares"]


def discriminator_loss(kind: AnyLoss, real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator descends on. real, fake: logits float [N].

    relativistic: a real image should score above the fake beside it (Jolicoeur-Martineau, 2018; R3GAN: Huang et al.,
    2024), so no mode of the data can be dropped unpunished. hinge: each on its side of a margin (Lim and Ye, 2017).
    least-squares: a real image should score 1 and a fake 0 (LSGAN: Mao et al., 2017).
    """
    if kind == "relativistic":
        return F.softplus(fake - real).mean()
    if kind == "least-squares":
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_loss(kind: AnyLoss, real: Tensor, fake: Tensor) -> Tensor:
    """What the generator descends on; `real` matters to the relativistic loss alone."""
    if kind == "relativistic":
        return F.softplus(real - fake).mean()
    if kind == "least-squares":
        return (fake - 1).square().mean()
    return -fake.mean()


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Mean squared norm of the gradient of `logits` [N] at the `images` [N, C, H, W] that they were computed from.

    At real images this is R1 (Mescheder et al., 2018), at fakes R2. The logits are to be computed in full precision:
    second derivatives are delicate.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().flatten(1).sum(dim=1).mean()

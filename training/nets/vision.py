"""A discriminator that sees a picture through a net which knows pictures already."""

import torch
from torch import Tensor, nn

from training.imagenet import STAGES, around_zero, teacher

DEPTHS = (3, 5)
"""Stages of the frozen net that are judged: an eighth and a sixteenth of the resolution."""
WIDTH = 64
GROUPS = 8


class VisionDiscriminator(nn.Module):
    """picture float [N, 1 or 3, H, W] in [-1, 1] -> logits float [N, h, w] for each of DEPTHS.

    Heads on features of a frozen EfficientNet-Lite1 (projected GANs: Sauer et al., 2021; beside an ordinary
    discriminator: Kumari et al., 2022). They begin with what an ordinary one would have to find in the few pictures
    there are, so they see sooner what is wrong with shapes. Raises TrainingError where its weights cannot be had.
    """

    def __init__(self) -> None:
        super().__init__()
        # In a list, as no module of this one: frozen weights are neither learned, nor thawed, nor saved.
        self._net = [teacher(torch.device("cpu"))]
        self.heads = nn.ModuleList(_head(STAGES[depth - 1][-1]) for depth in DEPTHS)

    def forward(self, picture: Tensor) -> list[Tensor]:
        features = self._net[0].to(picture.device).stages(around_zero(picture), DEPTHS)
        return [head(each)[:, 0].float() for head, each in zip(self.heads, features, strict=True)]


def _head(inputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, WIDTH):
        layers += [nn.Conv2d(channels, WIDTH, 3, 1, 1, bias=False), nn.GroupNorm(GROUPS, WIDTH), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, 1, 3, 1, 1))

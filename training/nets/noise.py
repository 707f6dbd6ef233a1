"""A model of the noise in pictures, for recipes that have to learn what it is like."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNELS, REACH = 2, 7
"""Kinds of noise that sources' noise is a sum of, and pixels a side of the filter that each goes through."""
RANGE = 4.0
"""How far the logarithm of their strength goes from where it begins, up and down: a factor of 55."""
AROUND = (16, 32)
"""Channels of the nets that say what it is."""


class Noisy(nn.Module):
    """image float [N, C, H, W] in [-1, 1] -> with noise, the same; H and W are multiples of 16.

    White noise of each of KERNELS kinds goes through a filter of its own and is as strong as the picture says, at the
    place itself (a scanner's bright end has less) and around it (in its shadow there is more).
    """

    def __init__(self, channels: int, strength: float) -> None:
        """strength: standard deviation that it begins with, everywhere and with no filter."""
        super().__init__()
        self.strength = strength / KERNELS**0.5
        self.filters = nn.Conv2d(
            KERNELS * channels, KERNELS * channels, REACH, 1, REACH // 2, groups=KERNELS, bias=False
        )
        nn.init.dirac_(self.filters.weight, groups=KERNELS)
        narrow, wide = AROUND

        def layer(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2), nn.LeakyReLU(0.2))

        self.around = nn.Sequential(
            layer(channels, narrow, 4, 2),
            layer(narrow, wide, 4, 2),
            layer(wide, wide, 4, 2),
            layer(wide, wide, 4, 2),
            layer(wide, wide, 3, 1),
            nn.Conv2d(wide, KERNELS * channels, 3, 1, 1),
        )
        self.place = nn.Sequential(
            layer(channels, narrow, 1, 1), layer(narrow, narrow, 1, 1), nn.Conv2d(narrow, KERNELS * channels, 1)
        )
        for last in (self.around[-1], self.place[-1]):
            nn.init.zeros_(last.weight)  # type: ignore[arg-type]
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Tensor:
        around = F.interpolate(self.around(image), scale_factor=16.0, mode="bilinear")
        strength = self.strength * (RANGE * ((around + self.place(image)) / RANGE).tanh()).exp()
        white = torch.randn_like(image.repeat(1, KERNELS, 1, 1))
        noise = (strength * self.filters(white)).unflatten(1, (KERNELS, -1)).sum(dim=1)
        noisy: Tensor = (image + noise).clamp(-1, 1)
        return noisy

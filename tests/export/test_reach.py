"""How far a net looks: never less than the truth, or tiles would show their seams."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from export.reach import reach
from training.families.denoiser import Config, Denoiser


def conv(kernel: int, **options: Any) -> nn.Module:
    return nn.Conv2d(3, 3, kernel, padding=kernel // 2, **options)


class Averaging(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image - image.mean(dim=(2, 3), keepdim=True)


@pytest.mark.parametrize(
    ("module", "multiple", "expected"),
    [
        (nn.Identity(), 1, 0),
        (conv(3), 1, 1),
        (nn.Sequential(conv(5), nn.ReLU(), conv(3)), 1, 3),
        (nn.Conv2d(3, 3, 3, padding=6, dilation=6), 1, 6),
        (nn.Sequential(nn.AvgPool2d(4), nn.Upsample(scale_factor=4)), 4, 3),  # the first pixel of four sees the last
        (nn.Conv2d(3, 3, 3, padding=300, dilation=300), 1, 300),  # more than the first picture tried has room for
        (nn.Conv2d(3, 3, (5, 1), padding=(2, 0)), 1, 2),
        (nn.Conv2d(3, 3, (1, 5), padding=(0, 2)), 1, 2),
        (Averaging(), 1, None),
        (nn.Sequential(conv(3), nn.InstanceNorm2d(3)), 1, None),
    ],
)
def test_it_is_what_the_layers_add_up_to(module: nn.Module, multiple: int, expected: int | None) -> None:
    assert reach([module], 3, multiple) == expected


def test_of_two_graphs_the_one_that_looks_farther_counts() -> None:
    assert reach([conv(3), conv(7)], 3, 1) == 3
    assert reach([conv(3), Averaging()], 3, 1) is None


def test_a_weight_of_zero_still_counts() -> None:
    """An untrained denoiser gives its picture back: what it could look at is what matters."""
    blind = reach([Denoiser(Config(width=8))], 1, 4)
    assert blind is not None and blind > 20
    assert reach([Denoiser(Config(width=8), told=True)], 1, 4, told=True) == blind, "a map is looked at no farther"


@torch.no_grad()
def test_the_denoiser_s_is_true_and_tight() -> None:
    torch.manual_seed(0)
    net = Denoiser(Config(width=8)).double()
    for parameter in net.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.3)
    far = reach([net], 1, 4)
    picture = torch.rand(1, 1, 160, 160, dtype=torch.float64)
    plain, changed = net(picture), []
    for at in range(80, 84):
        other = picture.clone()
        other[..., at, :] += 1
        rows = (net(other) - plain)[0, 0].abs().amax(dim=1).nonzero()
        changed.append(int((rows - at).abs().max()))
    assert max(changed) == far

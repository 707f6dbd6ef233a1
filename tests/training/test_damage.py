"""What is done to pictures so that recipes learn to undo it: as a camera stores it, and the same every time."""

import numpy as np
import pytest
import torch

from training.damage import WHITE, add_noise, damaged_images, darken, to_linear, to_srgb


def test_noise_has_the_level_asked_for_and_leaves_whole_grey_levels_in_range() -> None:
    generator = torch.Generator().manual_seed(0)
    noisy = add_noise(torch.zeros(2, 1, 200, 200), torch.tensor([15.0, 25.0]), generator)
    levels = (noisy + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert levels.min() >= 0 and levels.max() <= 255
    assert [float(each.std()) for each in levels] == pytest.approx([15, 25], rel=0.02)
    assert add_noise(-torch.ones(1, 1, 8, 8), torch.tensor([50.0])).min() == -1, "black clips"


def test_what_evaluation_damages_is_the_same_every_time() -> None:
    clean = np.full((3, 28, 28, 1), 128, np.uint8)
    first, second = (damaged_images(add_noise, clean, np.array([15, 25, 50])) for _ in range(2))
    assert (first == second).all() and (first != clean).any()


def test_each_stop_halves_the_light() -> None:
    grey = torch.full((3, 3, 64, 64), 0.5)
    dark = darken(grey, torch.tensor([0.0, 1.0, 3.0]), torch.Generator().manual_seed(0))
    levels = (dark + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    light = to_linear((dark + 1) / 2).mean(dim=(1, 2, 3))
    assert (light / to_linear(torch.tensor(0.75))).tolist() == pytest.approx([1, 0.5, 0.125], rel=0.01)


def test_the_darker_the_picture_the_more_of_it_is_noise() -> None:
    grey = torch.full((2, 3, 128, 128), 0.0)
    dark = darken(grey, torch.tensor([1.0, 4.0]), torch.Generator().manual_seed(0))
    light = to_linear((dark + 1) / 2)
    relative = light.std(dim=(1, 2, 3)) / light.mean(dim=(1, 2, 3))
    electrons = WHITE * float(to_linear(torch.tensor(0.5))) / torch.tensor([2.0, 16.0])
    assert relative.tolist() == pytest.approx((electrons + 16).sqrt().div(electrons).tolist(), rel=0.1)


def test_black_stays_dark_and_srgb_goes_both_ways() -> None:
    assert darken(-torch.ones(1, 3, 32, 32), torch.tensor([2.0])).mean() < -0.95
    values = torch.linspace(0, 1, 256)
    assert torch.allclose(to_srgb(to_linear(values)), values, atol=1e-5)

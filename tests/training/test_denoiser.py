"""What the denoiser promises: it learns from what a camera stores, takes any size, and begins by changing nothing."""

import numpy as np
import pytest
import torch

from training.errors import TrainingError
from training.families.denoiser import Config, Denoiser, add_noise, noisy_images


def test_noise_has_the_level_asked_for_and_leaves_whole_grey_levels_in_range() -> None:
    generator = torch.Generator().manual_seed(0)
    noisy = add_noise(torch.zeros(2, 1, 200, 200), torch.tensor([15.0, 25.0]), generator)
    levels = (noisy + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert levels.min() >= 0 and levels.max() <= 255
    assert [float(each.std()) for each in levels] == pytest.approx([15, 25], rel=0.02)
    assert add_noise(-torch.ones(1, 1, 8, 8), torch.tensor([50.0])).min() == -1, "black clips"


def test_evaluation_noise_is_the_same_every_time() -> None:
    clean = np.full((3, 28, 28, 1), 128, np.uint8)
    first, second = (noisy_images(clean, np.array([15, 25, 50])) for _ in range(2))
    assert (first == second).all() and (first != clean).any()


@pytest.mark.parametrize("size", [(28, 28), (32, 64), (100, 36)])
def test_an_untrained_denoiser_gives_back_the_picture_at_any_size(size: tuple[int, int]) -> None:
    noisy = torch.rand(2, 1, *size) * 2 - 1
    with torch.no_grad():
        assert torch.equal(Denoiser(Config(width=8))(noisy), noisy)


def test_a_window_that_does_not_divide_is_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--crop must be a multiple of 4, not 30\.$"):
        Config(crop=30)

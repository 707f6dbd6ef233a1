"""What the denoiser promises: it takes any size, and begins by changing nothing."""

import pytest
import torch

from training.errors import TrainingError
from training.families.denoiser import Config, Denoiser


@pytest.mark.parametrize("size", [(28, 28), (32, 64), (100, 36)])
def test_an_untrained_denoiser_gives_back_the_picture_at_any_size(size: tuple[int, int]) -> None:
    noisy = torch.rand(2, 1, *size) * 2 - 1
    with torch.no_grad():
        assert torch.equal(Denoiser(Config(width=8))(noisy), noisy)


def test_a_window_that_does_not_divide_is_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--crop must be a multiple of 4, not 30\.$"):
        Config(crop=30)

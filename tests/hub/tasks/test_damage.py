"""``hub.tasks.damage``: it does to a picture what training did, and its baselines do what they are said to."""

import numpy as np
import pytest
import torch

from hub.tasks.damage import (
    KINDS,
    NEAR_WHITE,
    auto_exposure,
    equalised,
    estimated_noise,
    non_local_means,
    to_linear,
    to_srgb,
    total_variation,
    white_patch,
)
from tests.hub.tiny_translator import smooth
from training import damage as training_damage
from training.pixels import to_float, to_uint8

STEPS = np.repeat([0, 20, 60, 128, 200, 255], 60).astype(np.uint8)[:, None, None].repeat(200, axis=1).repeat(3, axis=2)


@pytest.mark.parametrize("level", [1, 3, 5])
def test_low_light_is_that_of_training(level: float) -> None:
    ours = KINDS["low light"].apply(STEPS, level, np.random.RandomState(0))
    planes = training_damage.darken(
        to_float(STEPS[None]), torch.tensor([float(level)]), torch.Generator().manual_seed(0)
    )
    theirs = to_uint8(planes)[0]
    assert ours.dtype == np.uint8 and ours.shape == STEPS.shape
    for grey in np.unique(STEPS):
        mine, others = ours[grey == STEPS], theirs[grey == STEPS]
        assert abs(float(mine.mean()) - others.mean()) < 0.3 and abs(float(mine.std()) - others.std()) < 0.3


def test_the_sensor_is_that_of_training() -> None:
    from hub.tasks import damage

    assert (damage.WHITE, damage.READ_NOISE) == (training_damage.WHITE, training_damage.READ_NOISE)
    values = np.linspace(0, 1, 256)
    theirs = training_damage.to_linear(torch.from_numpy(values)).numpy()
    assert np.allclose(to_linear(values), theirs) and np.allclose(damage.to_srgb(to_linear(values)), values)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_denoiser_told_of_next_to_no_noise_changes_next_to_nothing(channels: int) -> None:
    picture = smooth(28, 28, channels)
    for baseline in (non_local_means, total_variation):
        assert np.abs(baseline(picture, 1e-3).astype(int) - picture).max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("baseline", [equalised, auto_exposure, white_patch])
def test_what_brightens_makes_a_dark_picture_brighter_and_takes_black(baseline: object, channels: int) -> None:
    dark = KINDS["low light"].apply(smooth(40, 50, channels), 3, np.random.RandomState(0))
    for picture in (dark, np.zeros_like(dark), np.full_like(dark, 255)):
        made = baseline(picture, 3)  # type: ignore[operator]
        assert made.shape == picture.shape and made.dtype == np.uint8
    assert baseline(dark, 3).mean() > dark.mean() * 1.3  # type: ignore[operator]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_white_patch_exposes_rightly_where_something_is_nearly_white(channels: int) -> None:
    picture = smooth(42, 50, channels) // 2  # a dark scene, which the mean does not tell from a dark picture
    picture[10:20, 10:20] = (255 * to_srgb(np.full((10, 10, channels), NEAR_WHITE))).round()
    dark = KINDS["low light"].apply(picture, 3, np.random.RandomState(0))
    off = [np.abs(method(dark, 3).astype(int) - picture).mean() for method in (white_patch, auto_exposure)]
    assert off[0] < 0.5 * off[1]


def test_the_noise_is_estimated() -> None:
    noisy = KINDS["gaussian noise"].apply(smooth(200, 200, 3), 10, np.random.RandomState(0))
    assert estimated_noise(noisy) == pytest.approx(10, rel=0.1)

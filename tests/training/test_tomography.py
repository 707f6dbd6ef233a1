"""The scanner: projections and reconstructions are scikit-image's, and few photons do what physics says they do."""

import numpy as np
import pytest
import torch
from skimage.transform import iradon, radon

from tests.training.commands import TINY
from training.damage import damaged_images
from training.data.dataset import read_parquet
from training.hounsfield import HOUNSFIELD, LEVELS, in_window
from training.hounsfield import to_levels as stored
from training.tomography import ANGLES, PHOTONS, low_dose, noise, scanner_of, to_hounsfield, to_levels

CPU = torch.device("cpu")
SIZE = 48


def head(size: int = SIZE) -> torch.Tensor:
    """A skull, brain and a hollow in it, in HU: float [size, size]."""
    y, x = (torch.arange(size) - size / 2)[:, None], torch.arange(size) - size / 2
    radius = (x.square() + 1.3 * y.square()).sqrt() / size
    picture = torch.full((size, size), -1000.0)
    picture[radius < 0.42], picture[radius < 0.36] = 900.0, 35.0
    picture[(x + 4).square() + y.square() < 16] = 5.0
    return picture


def soft(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.exp(-((x - size * 0.4) ** 2 + (y - size * 0.55) ** 2) / (size / 6) ** 2)


def test_projections_are_those_of_scikit_image() -> None:
    picture = soft(SIZE)
    theirs = radon(picture, np.arange(ANGLES) * 180 / ANGLES, circle=False).T
    ours = scanner_of(SIZE, SIZE, CPU).project(torch.from_numpy(picture[None]).float())[0].numpy()
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 0.003 * theirs.max()


def test_reconstructions_are_those_of_scikit_image_and_give_the_picture_back() -> None:
    picture = soft(SIZE)
    angles = np.arange(ANGLES) * 180 / ANGLES
    sinogram = radon(picture, angles, circle=False)
    theirs = iradon(sinogram, angles, circle=False, output_size=SIZE, filter_name="ramp")
    ours = scanner_of(SIZE, SIZE, CPU).reconstruct(torch.from_numpy(sinogram.T[None].copy()).float())[0].numpy()
    assert np.abs(ours - theirs).max() < 0.005 and np.abs(ours - picture).max() < 0.03


def test_what_is_added_is_what_reconstruction_makes_of_the_noisy_projections() -> None:
    scanner, hounsfield = scanner_of(SIZE, SIZE, CPU), head()[None]
    photons = torch.tensor([20_000.0])
    pixel = 0.0193 * 245 / SIZE
    through = scanner.project(pixel * (1 + hounsfield / 1000))
    arrived = torch.poisson(photons * torch.exp(-through), torch.Generator().manual_seed(5)).clamp(min=1)
    full, low = (scanner.reconstruct(each) for each in (through, torch.log(photons / arrived)))
    added = noise(hounsfield, photons, torch.Generator().manual_seed(5))
    assert torch.allclose(added, (low - full) * 1000 / pixel, atol=0.5)


def test_each_halving_of_the_dose_makes_the_noise_stronger_by_the_root_of_two() -> None:
    slices = head()[None].repeat(24, 1, 1)
    brain = (slices[0] > 0) & (slices[0] < 60)
    spread = []
    for halvings in (2, 3, 5):
        photons = torch.full((24,), PHOTONS * 2.0**-halvings)
        spread.append(float(noise(slices, photons, torch.Generator().manual_seed(0))[:, brain].std()))
    assert spread[1] / spread[0] == pytest.approx(2**0.5, rel=0.05)
    assert spread[2] / spread[0] == pytest.approx(2**1.5, rel=0.05)


def test_bone_in_the_way_makes_more_noise_than_none() -> None:
    with_skull, photons = head(), torch.tensor([50_000.0])
    without = with_skull.clamp(max=35)
    brain = (with_skull > 0) & (with_skull < 60)
    noisy, calm = (
        float(noise(each[None], photons, torch.Generator().manual_seed(0))[0][brain].std())
        for each in (with_skull, without)
    )
    assert noisy > 1.2 * calm


def test_without_noise_the_slice_is_what_it_was_to_the_level() -> None:
    levels = to_levels(head()).round()
    same = low_dose((levels / 127.5 - 1)[None, None], torch.tensor([-40.0]), torch.Generator().manual_seed(0))
    assert torch.allclose((same + 1) * 127.5, levels[None, None], atol=1e-3)


def test_slices_come_back_in_whole_levels_and_the_same_every_time() -> None:
    clean = stored(head().numpy())[None, ..., None].repeat(20, axis=0)
    first, second = (damaged_images(low_dose, clean, np.resize([4, 8], 20)) for _ in range(2))
    assert (first == second).all() and first.dtype == np.uint8 and (first != clean).any()
    assert (first[0] != first[2]).any(), "each slice has noise of its own"
    assert in_window(first[1]).astype(int).std() > in_window(first[0]).astype(int).std()


def test_a_bin_that_no_photon_reaches_is_a_number() -> None:
    steel = torch.full((1, SIZE, SIZE), 1840.0)
    assert torch.isfinite(noise(steel, torch.tensor([100.0]))).all()


def test_pictures_of_any_shape_and_channels_are_scanned() -> None:
    picture = torch.rand(2, 3, 20, 36) * 2 - 1
    assert low_dose(picture, torch.tensor([4.0, 6.0])).shape == picture.shape


def test_levels_and_hounsfield_units_go_both_ways() -> None:
    levels = torch.arange(256.0)
    assert torch.allclose(to_levels(to_hounsfield(levels)), levels, atol=1e-3)
    assert to_hounsfield(torch.tensor(LEVELS)).tolist() == pytest.approx(list(HOUNSFIELD))
    assert (stored(to_hounsfield(levels).numpy()) == np.arange(256)).all()
    assert stored(np.array([-3000.0, 9000.0])).tolist() == [0, 255]


def test_the_window_is_level_40_and_width_400() -> None:
    shown = in_window(stored(np.array([-1000.0, -160.0, 40.0, 240.0, 1000.0])))
    assert shown[[0, 1, 3, 4]].tolist() == [0, 0, 255, 255] and abs(int(shown[2]) - 127.5) < 2


def test_brain_in_the_data_has_the_noise_that_the_hub_is_told_of() -> None:
    from hub.tasks.damage import SLICE_NOISE

    slices = read_parquet(TINY.with_name("ct_tiny.parquet"), 128, 1).test.images
    hounsfield = to_hounsfield(torch.from_numpy(slices[..., 0]).float())
    brain = (hounsfield > -20) & (hounsfield < 90)
    added = noise(hounsfield, torch.full((len(slices),), PHOTONS / 16), torch.Generator().manual_seed(0))
    in_levels = float(added[brain].std()) * (LEVELS[2] - LEVELS[1]) / (HOUNSFIELD[2] - HOUNSFIELD[1])
    assert in_levels == pytest.approx(SLICE_NOISE * 4, rel=0.15)

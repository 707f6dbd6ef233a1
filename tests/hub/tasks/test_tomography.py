"""``hub.tasks.tomography``: the scanner of training, in numpy; and what the Restore tab makes of slices."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hub import open_model
from hub.contract import Damage
from hub.depth import Picture
from hub.dicom import NOTICE
from hub.errors import RequestError
from hub.tasks import tomography
from hub.tasks.damage import KINDS
from hub.tasks.restore import Restorer, peers, psnr, read, scores
from hub.tasks.tomography import in_window, low_dose, project, reconstruct, to_hounsfield, to_levels
from tests.hub.dicoms import head, write_dicom
from tests.hub.sentence import sentence
from tests.hub.tiny_translator import smooth, write_tiny_translator
from training import hounsfield as training_levels
from training import tomography as training_scanner
from training.pixels import to_float, to_uint8

LOW_DOSE = Damage(kind="low-dose CT", lowest=2, highest=9)


@pytest.fixture
def restorer(tmp_path: Path) -> Restorer:
    write_tiny_translator(tmp_path / "tiny", damage=LOW_DOSE)
    return Restorer(open_model(tmp_path / "tiny"))


@pytest.mark.parametrize("shape", [(64, 64), (41, 60)])
def test_the_scanner_is_that_of_training(shape: tuple[int, int]) -> None:
    picture = smooth(*shape, 1)[..., 0] / 255.0
    theirs = training_scanner.scanner_of(*shape, torch.device("cpu"))
    through = project(picture)
    assert np.abs(through - theirs.project(torch.from_numpy(picture[None]).float())[0].numpy()).max() < 1e-4
    back = theirs.reconstruct(torch.from_numpy(through[None]).float())[0].numpy()
    assert np.abs(reconstruct(through, shape) - back).max() < 1e-3


def test_levels_and_constants_are_those_of_training() -> None:
    for name in ("FIELD", "WATER", "PHOTONS", "ANGLES"):
        assert getattr(tomography, name) == getattr(training_scanner, name)
    for name in ("HOUNSFIELD", "LEVELS"):
        assert getattr(tomography, name) == getattr(training_levels, name)
    levels = np.arange(256, dtype=np.uint8)
    assert np.allclose(to_hounsfield(levels), training_scanner.to_hounsfield(torch.arange(256.0)).numpy(), atol=1e-3)
    assert np.array_equal(to_levels(to_hounsfield(levels)), levels)
    assert np.array_equal(in_window(levels), training_levels.in_window(levels))


@pytest.mark.parametrize("halvings", [3, 6])
def test_low_dose_is_that_of_training(halvings: float) -> None:
    """In brain, over eight scans of each: the mean within half a level, the spread within 5 %."""
    clean = to_levels(head())[..., None]
    ours = np.stack([low_dose(clean, halvings, np.random.RandomState(seed)) for seed in range(8)])
    planes = training_scanner.low_dose(
        to_float(clean[None].repeat(8, axis=0)), torch.full((8,), float(halvings)), torch.Generator().manual_seed(0)
    )
    theirs = to_uint8(planes)
    assert ours.shape == theirs.shape and ours.dtype == np.uint8
    brain = head() == 35
    mine, others = ours[:, brain].astype(float), theirs[:, brain].astype(float)
    assert abs(mine.mean() - others.mean()) < 0.5 and mine.std() == pytest.approx(others.std(), rel=0.05)


def test_a_slice_is_damaged_whole_measured_in_the_window_and_beside_baselines(restorer: Restorer) -> None:
    clean = restorer.accepted(Picture(to_levels(head(300))[..., None]))
    damaged = restorer.damaged(clean, 6, seed=1)
    whole = low_dose(clean.pixels, 6, np.random.RandomState(1))
    assert np.array_equal(damaged.pixels, whole), "in one piece, not in bands"
    kind = restorer.kind
    measured = [*scores(clean, damaged, restorer.restore(damaged), kind), *peers(clean, damaged, kind, 6)]
    found = {each.name: each for each in measured}
    assert list(found) == ["Damaged", "Restored", "Non-local means", "Total variation"]
    middle = (slice(22, 278), slice(22, 278))
    assert found["Damaged"].psnr == psnr(in_window(whole[middle]), in_window(clean.pixels[middle]))
    assert np.array_equal(found["Damaged"].picture, whole[middle])
    assert found["Total variation"].psnr > found["Damaged"].psnr + 2
    assert np.array_equal(restorer.damaged(clean, 0).pixels, clean.pixels)


def test_every_slice_comes_with_the_notice_once(restorer: Restorer, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", head())
    for picture in (read(path, kind=restorer.kind), Picture(to_levels(head())[..., None])):
        restored = restorer.restore(restorer.accepted(picture))
        assert restored.notes.count(NOTICE) == 1 and restored.notes[-1] == NOTICE
    assert np.array_equal(read(path, kind=restorer.kind).pixels[..., 0], to_levels(head()))


def test_slices_are_grey_and_finer_ones_are_told_of(restorer: Restorer) -> None:
    grey = smooth(40, 50, 1)
    same = restorer.accepted(Picture(grey.repeat(3, axis=2)))
    assert np.array_equal(same.pixels, grey) and same.notes == (NOTICE,)
    coloured = restorer.accepted(Picture(smooth(40, 50, 3)))
    assert coloured.pixels.shape == (40, 50, 1) and "colours were left out" in coloured.notes[0]
    assert "32 x 32 pixels" in restorer.accepted(Picture(smooth(64, 20, 1))).notes[0]


def test_what_cannot_be_scanned_is_one_sentence(restorer: Restorer) -> None:
    large = Picture(np.zeros((8, 1025, 1), np.uint8))
    assert restorer.restore(large).pixels.shape == (8, 1025, 1), "only the damage has a limit"
    for picture, level, told in (
        (large, 3, "may be 1024 pixels a side at most"),
        (Picture(smooth(8, 8, 1)), 10, "The dose taken away must be a number from 0 to 9"),
    ):
        with pytest.raises(RequestError, match=told) as refused:
            restorer.damaged(picture, level)
        sentence(refused.value)


def test_what_was_done_is_said_in_photons() -> None:
    assert KINDS["low-dose CT"].done(6) == "dose halved 6 times: 50,000 photons a detector bin"

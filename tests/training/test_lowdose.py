"""What the low-dose restorer promises: whole grey slices, and numbers of the window."""

from pathlib import Path

import numpy as np
import pytest
from accelerate import Accelerator

from tests.training.commands import TINY
from training.data.dataset import read_parquet
from training.errors import TrainingError
from training.families.lowdose import HALVINGS, Config, Trainer
from training.hounsfield import in_window
from training.metrics import psnr

SLICES = Path(TINY).with_name("ct_tiny.parquet")


def test_what_it_measures_is_in_the_window_and_beside_the_noisy_slices() -> None:
    trainer = Trainer(Config(image_size=32, crop=32, width=8), read_parquet(SLICES, 32, 1), Accelerator(cpu=True))
    found = trainer.evaluate("val")
    # Untrained, it gives back what it is given.
    for level in HALVINGS:
        for measure in ("psnr", "ssim"):
            assert found[f"{measure}_halvings_{level}"] == found[f"noisy_{measure}_halvings_{level}"]
    assert found["psnr_halvings_4"] > found["psnr_halvings_6"] + 4 > found["psnr_halvings_8"] + 8
    # Air is air and bone is bone, whatever their levels.
    air_and_bone, others = (np.full((1, 16, 16, 1), level, np.uint8) for level in (5, 12))
    air_and_bone[:, 8:], others[:, 8:] = 245, 255
    said = trainer.measure(air_and_bone, air_and_bone, others, 4)
    assert said["psnr_halvings_4"] == psnr(in_window(others), in_window(others)) and said[
        "ssim_halvings_4"
    ] == pytest.approx(1)


def test_settings_that_cannot_work_are_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--crop must be 128, the --image-size, not 64: a scanner sees whole"):
        Config(crop=64)
    with pytest.raises(TrainingError, match=r"^--channels must be 1, not 3: slices are grey\.$"):
        Config(channels=3)
    with pytest.raises(TrainingError, match=r"^--max-halvings must be at least 3, not 2\.$"):
        Config(min_halvings=3, max_halvings=2)
    with pytest.raises(TrainingError, match=r"^--image-size must be a multiple of 4, not 30\.$"):
        Config(image_size=30, crop=30)

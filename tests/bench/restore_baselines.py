"""A restoring recipe beside what one would use instead, on the same damaged test pictures.

    python -m tests.bench.restore_baselines runs/denoise --pictures 100
    python -m tests.bench.restore_baselines runs/photo --pictures 28 --validation 8
    python -m tests.bench.restore_baselines runs/lowlight --pictures 28 --validation 8
    python -m tests.bench.restore_baselines runs/lowdose --pictures 18 --validation 4

Denoising: BM3D, non-local means, total variation. Low light: gamma, CLAHE, histogram equalisation, and BM3D after an
exposure that is found or told. Low-dose CT: the three of denoising, told how strong the noise is at that dose, and BM3D
told its spectrum as well, since it is not white. Each method chooses its setting for each level on validation pictures;
ours is told nothing. The damage is the evaluation's own. BM3D takes about a second a picture, so the comparison is on
the first pictures of the test split, ours on these too; of large ones, all see the middle SIDE pixels. Writes
`baselines.json` into the run, where `genhub export` finds it. The peers live in a throwaway environment; what they made
is kept in `RUN/peers`, and is used again as long as the pictures are the same.
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.environment import ONE_THREAD, make_environment
from training.atomic import write_json
from training.checkpoint import load_run
from training.damage import damaged_images
from training.evaluation import unpadded
from training.hounsfield import in_window
from training.metrics import psnr, ssim
from training.restorer import Restorer

PEERS = ("bm3d==4.0.3", "scikit-image==0.26.0")
SIDE = 128
"""Pixels a side at most."""
MEASURES = {"sigma": (psnr,), "stops": (psnr, ssim), "halvings": (psnr, ssim)}
SEEN: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {"halvings": in_window}
"""What of the pictures is compared, where it is not all of it."""


def pictures(trainer: Restorer, count: int, validation: int) -> dict[str, NDArray[np.uint8]]:
    """`test_clean`, `test_LEVEL` and the same of val, uint8 [N, H, W, C]: the first pictures of each split."""
    found = {}
    for split, images, rows in (
        ("test", trainer.data.test.images, count),
        ("val", trainer.data.val.images, validation),
    ):
        clean = unpadded(images, trainer.data)
        top, left = (max(0, (side - SIDE) // 2) for side in clean.shape[1:3])
        middle = (slice(rows), slice(top, top + SIDE), slice(left, left + SIDE))
        found[f"{split}_clean"] = clean[middle]
        for level in trainer.levels:
            # Damage for all of them, as `evaluate` does it, so that these are of the very pictures that it measures.
            found[f"{split}_{level}"] = damaged_images(trainer.damage, clean, np.full(len(clean), level))[middle]
    return found


def peers(folder: Path, unit: str, given: dict[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.uint8]]:
    """What each `METHOD/LEVEL` made of the damaged test pictures, uint8 [N, H, W, C]."""
    asked, answered = folder / "pictures.npz", folder / "peers.npz"
    same = answered.exists() and all(
        name in given and np.array_equal(array, given[name]) for name, array in np.load(asked).items()
    )
    if not same:
        folder.mkdir(exist_ok=True)
        np.savez(asked, **given)  # type: ignore[arg-type]
        worker = Path(__file__).with_name("classical_restorers.py")
        with tempfile.TemporaryDirectory(prefix="restore-baselines-") as temporary:
            python = make_environment(Path(temporary) / "environment", *PEERS)
            command = [str(python), str(worker), str(folder), unit]
            subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})
    return dict(np.load(answered))


def main() -> None:
    """Damage, have the peers restore, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run of the denoiser, the lowlight or the lowdose family")
    parser.add_argument("--pictures", type=int, default=200, help="test pictures to compare on")
    parser.add_argument("--validation", type=int, default=24, help="validation pictures to choose settings on")
    arguments = parser.parse_args()

    trainer = load_run(arguments.run)
    assert isinstance(trainer, Restorer)
    given = pictures(trainer, arguments.pictures, arguments.validation)
    made = peers(arguments.run / "peers", trainer.unit, given)
    baselines: dict[str, dict[str, float]] = {}
    seen = SEEN.get(trainer.unit, lambda images: images)
    truth = seen(given["test_clean"])
    all_of_them = given["test_clean"].shape == trainer.data.test.images.shape
    for level in trainer.levels:
        ours = trainer.restore(given[f"test_{level}"])
        theirs = {name.partition("/")[0]: images for name, images in made.items() if name.endswith(f"/{level}")}
        for measure in MEASURES[trainer.unit]:
            values = {name: measure(seen(images), truth) for name, images in theirs.items()}
            at = f"{measure.__name__}_{trainer.unit}_{level}"
            values = {"this model": measure(seen(ours), truth), **values}
            print(at, *(f"{name} {value:.3f}" for name, value in values.items()), sep="  ", flush=True)
            if all_of_them:  # then ours is the run's own number
                del values["this model"]
            beside = "" if all_of_them else f", {arguments.pictures} pictures"
            baselines[at] = {name + beside: round(value, 3) for name, value in values.items()}
    write_json(arguments.run / "baselines.json", baselines)


if __name__ == "__main__":
    main()

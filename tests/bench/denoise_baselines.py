"""Our blind denoiser beside BM3D, non-local means and total variation, on the same noisy test pictures.

    python -m tests.bench.denoise_baselines runs/denoise --out runs/denoise/denoise_baselines.json
    python -m tests.bench.denoise_baselines runs/photo --pictures 28 --validation 8 --out runs/photo/baselines_full.json

Each classical method is told the noise level, and chooses its setting for each level on validation pictures; ours is
told nothing. Noise is the evaluation's own: Gaussian in grey levels, clipped and rounded. BM3D takes about a second a
picture, so the comparison is on the first pictures of the test split, ours on these too; of large ones, all see the
middle SIDE pixels. Writes `baselines.json` into
the run, where `genhub export` finds it. The peers live in a throwaway environment.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.environment import ONE_THREAD, make_environment
from training.atomic import write_json
from training.checkpoint import load_run
from training.evaluation import unpadded
from training.families.denoiser import NOISE_LEVELS, Trainer, noisy_images
from training.metrics import psnr

PEERS = ("bm3d==4.0.3", "scikit-image==0.26.0")
SIDE = 128
"""Pixels a side at most."""


def pictures(trainer: Trainer, count: int, validation: int) -> dict[str, NDArray[np.uint8]]:
    """`test_clean`, `test_noisy_LEVEL` and the same of val, uint8 [N, H, W, C]: the first pictures of each split."""
    found = {}
    for split, images, rows in (
        ("test", trainer.data.test.images, count),
        ("val", trainer.data.val.images, validation),
    ):
        clean = unpadded(images, trainer.data)
        top, left = (max(0, (side - SIDE) // 2) for side in clean.shape[1:3])
        middle = (slice(rows), slice(top, top + SIDE), slice(left, left + SIDE))
        found[f"{split}_clean"] = clean[middle]
        for level in NOISE_LEVELS:
            # Noise for all of them, as `evaluate` draws it, so that these are of the very pictures that it measures.
            found[f"{split}_noisy_{level}"] = noisy_images(clean, np.full(len(clean), level))[middle]
    return found


def main() -> None:
    """Make the environment, run the peers, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a finished run of the denoiser family")
    parser.add_argument("--pictures", type=int, default=200, help="test pictures to compare on")
    parser.add_argument("--validation", type=int, default=24, help="validation pictures to choose settings on")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()

    trainer: Any = load_run(arguments.run)
    given = pictures(trainer, arguments.pictures, arguments.validation)
    with tempfile.TemporaryDirectory(prefix="denoise-baselines-") as temporary:
        folder = Path(temporary)
        np.savez(folder / "pictures.npz", **{name: np.squeeze(images) for name, images in given.items()})
        python = make_environment(folder / "environment", *PEERS)
        worker = Path(__file__).with_name("classical_denoisers.py")
        subprocess.run([str(python), str(worker), str(folder)], check=True, env={**os.environ, **ONE_THREAD})
        with np.load(folder / "peers.npz") as archive:
            peers = {name: archive[name] for name in archive}
    results, baselines = [], {}
    for level in NOISE_LEVELS:
        denoised = trainer.denoise(given[f"test_noisy_{level}"])
        row = {"sigma": level, "ours, blind": psnr(denoised, given["test_clean"])}
        theirs = {
            name.partition("/")[0]: float(values.mean()) for name, values in peers.items() if name.endswith(f"/{level}")
        }
        results.append({**row, **theirs})
        beside = f", {arguments.pictures} pictures"
        baselines[f"psnr_sigma_{level}"] = {name + beside: round(value, 3) for name, value in theirs.items()}
        print("  ".join(f"{name} {value:.2f}" for name, value in results[-1].items()))
    write_json(arguments.out, {"pictures": arguments.pictures, "peers": PEERS, "psnr_db": results})
    write_json(arguments.run / "baselines.json", baselines)


if __name__ == "__main__":
    main()

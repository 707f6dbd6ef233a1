"""Our blind denoiser beside BM3D, non-local means and total variation, on the same noisy Fashion-MNIST test pictures.

    python -m tests.bench.denoise_baselines runs/denoise --out runs/denoise/denoise_baselines.json

Each classical method is told the noise level, and chooses its setting for each level on validation pictures; ours is
told nothing. Noise is the evaluation's own: Gaussian in grey levels, clipped and rounded. BM3D takes about a second a
picture, so the comparison is on the first pictures of the test split, ours on these too. Writes `baselines.json` into
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
VALIDATION = 24
"""Pictures of the validation split that settings are chosen on."""


def pictures(trainer: Trainer, count: int) -> dict[str, NDArray[np.uint8]]:
    """`test_clean`, `test_noisy_LEVEL` and the same of val, uint8 [N, 28, 28]: the first pictures of each split."""
    found = {}
    for split, images, rows in (
        ("test", trainer.data.test.images, count),
        ("val", trainer.data.val.images, VALIDATION),
    ):
        clean = unpadded(images, trainer.data)
        found[f"{split}_clean"] = clean[:rows, ..., 0]
        for level in NOISE_LEVELS:
            # Noise for all of them, as `evaluate` draws it, so that these are the very pictures that it measures.
            found[f"{split}_noisy_{level}"] = noisy_images(clean, np.full(len(clean), level))[:rows, ..., 0]
    return found


def main() -> None:
    """Make the environment, run the peers, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a finished run of the denoiser family")
    parser.add_argument("--pictures", type=int, default=200, help="test pictures to compare on")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()

    trainer: Any = load_run(arguments.run)
    given = pictures(trainer, arguments.pictures)
    with tempfile.TemporaryDirectory(prefix="denoise-baselines-") as temporary:
        folder = Path(temporary)
        np.savez(folder / "pictures.npz", **given)
        python = make_environment(folder / "environment", *PEERS)
        worker = Path(__file__).with_name("classical_denoisers.py")
        subprocess.run([str(python), str(worker), str(folder)], check=True, env={**os.environ, **ONE_THREAD})
        with np.load(folder / "peers.npz") as archive:
            peers = {name: archive[name] for name in archive}
    results, baselines = [], {}
    for level in NOISE_LEVELS:
        denoised = trainer.denoise(given[f"test_noisy_{level}"][..., None])[..., 0]
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

"""What a map of the noise is worth where noise differs from place to place: `denoiser --told`, on test pictures.

    python -m tests.bench.uneven_noise runs/denoise --pictures 10000

From the left edge to the right one the noise grows evenly from nothing to 50 grey levels (standard deviation). The net
is told nothing, or the mean of that, or a map of it. Prints PSNR in dB over all pictures together.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.checkpoint import load_run
from training.damage import batches
from training.errors import TrainingError
from training.evaluation import EVALUATION_SEED, unpadded
from training.families.denoiser import Trainer
from training.metrics import psnr
from training.pixels import to_float, to_uint8
from training.restorer import UNKNOWN

STRONGEST = 50.0


def unevenly_noisy(clean: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [N, H, W, C] with noise that grows from left to right."""
    levels = np.linspace(0, STRONGEST, clean.shape[2])[:, None]
    noise = np.random.RandomState(EVALUATION_SEED).standard_normal(clean.shape)
    noisy: NDArray[np.uint8] = np.rint(clean + levels * noise).clip(0, 255).astype(np.uint8)
    return noisy


@torch.no_grad()
def restored(trainer: Trainer, noisy: NDArray[np.uint8], row: torch.Tensor) -> NDArray[np.uint8]:
    """What the averaged weights make of `noisy`, told the levels float [W] of each row."""
    net, parts = trainer.restorer_ema.average, []
    for part in batches(noisy):
        given = to_float(noisy[part])
        parts.append(to_uint8(net(given, row.expand(len(given), 1, given.shape[2], len(row)))))
    return np.concatenate(parts)


def main() -> None:
    """Damage, restore three times, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run of the denoiser family that can be told")
    parser.add_argument("--pictures", type=int, default=1000, help="test pictures")
    arguments = parser.parse_args()
    trainer = load_run(arguments.run)
    if not isinstance(trainer, Trainer) or not trainer.told:
        raise TrainingError(f"{arguments.run} cannot be told of noise.")
    clean = unpadded(trainer.data.test.images, trainer.data)[: arguments.pictures]
    noisy = unevenly_noisy(clean)
    width = clean.shape[2]
    told = {
        "nothing": torch.full((width,), UNKNOWN),
        "the mean": torch.full((width,), STRONGEST / 2),
        "a map": torch.linspace(0, STRONGEST, width),
    }
    print(
        f"noisy {psnr(noisy, clean):.2f} dB",
        *(f"told {name} {psnr(restored(trainer, noisy, row), clean):.2f} dB" for name, row in told.items()),
        sep="  ",
    )


if __name__ == "__main__":
    main()

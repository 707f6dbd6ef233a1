"""What a VAE has to beat on its own data: principal components, and its own decoder on plain noise, without the prior.

    python -m tests.bench.vae_baselines runs/avatars

Principal components, as many as the latent has numbers and fitted to the training images, are the best linear
autoencoder. Plain noise shows what the learned prior is for; it is the evaluation's own, as many samples. Both are
measured on the test images as `genhub evaluate` measures the VAE. Writes `baselines.json` into the run, where
`genhub export` finds it.
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from training.atomic import write_json
from training.checkpoint import load_run
from training.evaluation import evaluation_noise, sample_metrics, unpadded
from training.metrics import pca_reconstruction, psnr
from training.pixels import to_uint8

DISTANCES = ("kernel_distance", "frechet_distance")


@torch.no_grad()
def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a finished run of the vae family")
    run: Path = parser.parse_args().run

    trainer: Any = load_run(run)
    config, data = trainer.config, trainer.data
    train, test = (unpadded(split.images, data) for split in (data.train, data.test))
    linear = psnr(pca_reconstruction(train, test, config.latent_dim), test)
    baselines = {"reconstruction_psnr": {f"PCA, {config.latent_dim} components": round(linear, 3)}}

    decoder = trainer.inference_modules()["decoder"]
    noise = evaluation_noise(config.evaluation_samples, config.latent_dim).split(500)
    plain = sample_metrics(to_uint8(torch.cat([decoder(part) for part in noise])), data, "test")
    for key in DISTANCES:
        if key in plain:
            baselines[key] = {"plain normal noise, no prior": round(plain[key], 4)}
    write_json(run / "baselines.json", baselines)
    print(baselines)


if __name__ == "__main__":
    main()

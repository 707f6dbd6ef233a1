"""What a generator has to beat on its own data: samples of a Gaussian along the training images' principal components.

    python -m tests.bench.linear_samples runs/gan-emoji-people

As many components as the model has numbers of noise, and as many samples as its evaluation takes, measured on the test
images as `genhub evaluate` measures the model. Writes `baselines.json` into the run, where `genhub export` finds it.
"""

import argparse
from pathlib import Path
from typing import Any

from training.atomic import write_json
from training.checkpoint import load_run
from training.evaluation import sample_metrics
from training.metrics import pca_samples


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a finished run of a family that samples")
    run: Path = parser.parse_args().run

    trainer: Any = load_run(run)
    config, data = trainer.config, trainer.data
    samples = pca_samples(data.train.images, config.latent_dim, config.evaluation_samples)
    found = sample_metrics(samples, data, "test")
    name = f"Gaussian of {config.latent_dim} principal components"
    distances = ("kernel_distance", "frechet_distance", "precision", "recall")
    baselines = {key: {name: round(found[key], 4)} for key in distances if key in found}
    write_json(run / "baselines.json", baselines)
    print(baselines)


if __name__ == "__main__":
    main()

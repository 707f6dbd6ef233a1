"""What a generator has to beat on its own data: samples of a Gaussian along the training images' principal components.

    python -m tests.bench.linear_samples runs/gan-emoji-people

As many components as the model has numbers of noise, and as many samples as its evaluation takes, measured on the test
images as `genhub evaluate` measures the model. Adds to `baselines.json` of the run, where `genhub export` finds it.
"""

import argparse
import json
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
    distances = {"kernel_distance", "frechet_distance", "precision", "recall"}
    if not found:
        parser.error(f"{data.info.title} has too few test images for samples to be measured, or no instrument for it.")
    file = run / "baselines.json"
    baselines = json.loads(file.read_text()) if file.exists() else {}
    for key in distances & found.keys():
        baselines.setdefault(key, {})[name] = round(found[key], 4)
    write_json(file, baselines)
    print(baselines)


if __name__ == "__main__":
    main()

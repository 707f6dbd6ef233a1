"""What a GAN's samples are at temperatures below 1: closer to real pictures, and less varied, by how much.

    python -m tests.bench.temperatures cgan-fashion

As `genhub train` measures it at the end of a run, for a bundle whose run is not at hand: as many pictures as its
evaluation took, from the evaluation's noise, of the classes of the real ones. Prints what `metrics.json` would hold.
"""

import argparse
import json
from functools import partial

import numpy as np

from hub.runtime.engine import Engine
from tests.bench.generated import generated
from training.data.build import build, parquet_path
from training.data.dataset import read_parquet
from training.evaluation import conditional_metrics, evaluation_noise, over_temperatures, sample_metrics


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="id or folder of a bundle of gan or cgan that learned from a data set of ours")
    parser.add_argument("--data", default="fashion", help="that data set")
    arguments = parser.parse_args()

    (model,) = Engine([arguments.model]).models.values()
    bundle = model.bundle
    build(arguments.data)
    data = read_parquet(parquet_path(arguments.data), bundle.image.height, bundle.image.channels)
    count = bundle.training["config"]["evaluation_samples"]
    noise = evaluation_noise(count, bundle.latent_dim or 0).numpy()

    def measure(split: str, temperature: float) -> dict[str, float]:
        real = data.test if split == "test" else data.val
        label = real.labels[np.arange(count) % len(real)]
        samples = generated(model, np.float32(temperature) * noise, label)
        if bundle.conditional:
            return conditional_metrics(samples, label, data, split)
        return sample_metrics(samples, data, split)

    found = {split: over_temperatures(partial(measure, split)) for split in ("val", "test")}
    print(json.dumps({"metrics": found}, indent=1))


if __name__ == "__main__":
    main()

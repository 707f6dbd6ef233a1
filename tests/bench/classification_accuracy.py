"""Classification accuracy score of a conditional Fashion-MNIST bundle: what its pictures alone teach a classifier.

    python -m tests.bench.classification_accuracy cgan-fashion --temperatures 1 0.8 0.6

As `genhub train cgan --classifier-epochs` measures it at the end of a run, for a bundle whose run is not at hand, and
at other temperatures: as many pictures as there are training images, of their classes, from the evaluation's noise;
then a classifier of these, and beside it one of the real ones, tested on real images. Prints what `metrics.json` would
hold. Each takes some minutes.
"""

import argparse
import json
import sys

import numpy as np

from hub.runtime.engine import Engine
from tests.bench.generated import generated
from training.classification_accuracy import accuracy_on, taught_by
from training.data.build import build, parquet_path
from training.data.dataset import Split, read_parquet
from training.evaluation import evaluation_noise


def main() -> None:
    """Generate, train, test, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="id or folder of a conditional bundle of Fashion-MNIST")
    parser.add_argument("--epochs", type=int, default=4, help="of each classifier")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[1.0], help="by which the noise is multiplied")
    arguments = parser.parse_args()

    (model,) = Engine([arguments.model]).models.values()
    build("fashion")
    data = read_parquet(parquet_path("fashion"), model.bundle.image.height, model.bundle.image.channels)
    label = data.train.labels
    noise = evaluation_noise(len(label), model.bundle.latent_dim or 0).numpy()
    found: dict[str, dict[str, float]] = {"val": {}, "test": {}}

    def add(key: str, pictures: Split) -> None:
        taught = taught_by(pictures, data, arguments.epochs)
        for split, metrics in found.items():
            metrics[key] = accuracy_on(split, data, taught)
            print(f"{split}: {key} {metrics[key]:.4f}", file=sys.stderr)  # the next takes a while

    for temperature in arguments.temperatures:
        at = f"/temperature {temperature:g}" if temperature != 1 else ""
        add(f"classification_accuracy{at}", Split(generated(model, np.float32(temperature) * noise, label), label))
    add("classification_accuracy_real", data.train)
    print(json.dumps({"metrics": found}, indent=1))


if __name__ == "__main__":
    main()

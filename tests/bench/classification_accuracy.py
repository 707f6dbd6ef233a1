"""Classification accuracy score of a conditional Fashion-MNIST bundle: what its pictures alone teach a classifier.

    python -m tests.bench.classification_accuracy cgan-fashion

As `genhub train cgan --classifier-epochs` measures it at the end of a run, for a bundle whose run is not at hand: as
many pictures as there are training images, of their classes, from the evaluation's noise; then two classifiers, one of
these and one of the real ones, both tested on real test images. About six minutes on two cores.
"""

import argparse

import numpy as np

from hub.runtime.engine import Engine
from tests.bench.generated import generated
from training.classification_accuracy import ClassificationAccuracy
from training.data.build import build, parquet_path
from training.data.dataset import Split, read_parquet
from training.evaluation import evaluation_noise


def main() -> None:
    """Generate, train both classifiers, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="id or folder of a conditional bundle of Fashion-MNIST")
    parser.add_argument("--epochs", type=int, default=4, help="of each classifier")
    parser.add_argument("--temperature", type=float, default=1.0, help="by which the noise is multiplied")
    arguments = parser.parse_args()

    (model,) = Engine([arguments.model]).models.values()
    build("fashion")
    data = read_parquet(parquet_path("fashion"), model.bundle.image.height, model.bundle.image.channels)
    label = data.train.labels
    z = np.float32(arguments.temperature) * evaluation_noise(len(label), model.bundle.latent_dim or 0).numpy()
    scores = ClassificationAccuracy(Split(generated(model, z, label), label), data, arguments.epochs)
    print({split: scores.on(split) for split in ("val", "test")})


if __name__ == "__main__":
    main()

"""Classification accuracy score: how useful generated pictures are, as the accuracy of a classifier that saw no others.

A classifier is trained on pictures that a conditional model made, and tested on real ones (Ravuri and Vinyals, 2019).
Unlike a Fréchet distance it falls when a class lacks variety: what was never generated is never learned. Beside it
stands a classifier of real training images, with as many epochs: what a perfect generator would get.
"""

from training.data.dataset import ImageData, Split
from training.evaluation import unpadded
from training.evaluator import accuracy, train
from training.features import FashionClassifier

BATCH_SIZE = 128
SEED = 2021


class ClassificationAccuracy:
    """Two classifiers of Fashion-MNIST: one of generated pictures, one of real ones."""

    def __init__(self, generated: Split, data: ImageData, epochs: int) -> None:
        """Train both. generated: uint8 [N, H, W, 1] with the classes that were asked for, int64 [N]."""
        self.data = data
        self.models = {
            "classification_accuracy": taught_by(generated, data, epochs),
            "classification_accuracy_real": taught_by(data.train, data, epochs),
        }

    def on(self, split: str) -> dict[str, float]:
        """Accuracies in [0, 1] on the real images of "val" or "test"."""
        return {name: accuracy_on(split, self.data, model) for name, model in self.models.items()}


def taught_by(pictures: Split, data: ImageData, epochs: int) -> FashionClassifier:
    """A classifier that has seen nothing but `pictures`, which are padded as those of `data` are."""
    return train(epochs, BATCH_SIZE, SEED, Split(unpadded(pictures.images, data), pictures.labels))


def accuracy_on(split: str, data: ImageData, model: FashionClassifier) -> float:
    """The accuracy of `model` in [0, 1] on the real images of "val" or "test"."""
    real = data.test if split == "test" else data.val
    return accuracy(model, Split(unpadded(real.images, data), real.labels))

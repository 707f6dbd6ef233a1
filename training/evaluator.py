"""Train the Fashion-MNIST classifier that measures our generators; its weights are committed.

    python -m training.evaluator --epochs 18 --seed 0

Small ResNet, random shifts, flips and erasing, label smoothing, SGD with one cosine cycle, averaged weights. The
number of epochs was chosen on `val`; the 10k test images are touched once, at the end. Refuses to store anything
below 93.5 % test accuracy.
"""

import argparse
import os
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from training.atomic import atomic_path, write_json
from training.data.build import build, parquet_path
from training.data.dataset import Split, read_parquet
from training.features import EVALUATORS, FASHION_SIZE, FashionClassifier
from training.precision import autocast

REQUIRED_ACCURACY = 0.935
PEAK_LR = 0.2


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift by up to two pixels, flip half of them, blank a random square of 8 pixels in half of them. Same shape."""
    count, _, size, _ = images.shape
    flip = torch.rand(count, generator=generator) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    padded = F.pad(images, (2, 2, 2, 2), value=-1.0)
    tops = torch.randint(0, 5, (count,), generator=generator)
    lefts = torch.randint(0, 5, (count,), generator=generator)
    pixels = torch.arange(size)
    rows, columns = tops[:, None] + pixels, lefts[:, None] + pixels
    images = padded[torch.arange(count)[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]
    corner = torch.randint(-4, size - 4, (count, 2), generator=generator)
    erase = torch.rand(count, generator=generator) < 0.5
    inside = (pixels >= corner[:, :, None]) & (pixels < corner[:, :, None] + 8)  # [N, 2, size]: rows, columns
    square = inside[:, 0, :, None] & inside[:, 1, None, :] & erase[:, None, None]
    return images.masked_fill(square[:, None], -1.0)


@torch.no_grad()
def accuracy(model: FashionClassifier, split: Split) -> float:
    """Share of images whose class the model names."""
    hits = 0
    for start in range(0, len(split), 500):
        logits = model(_to_float(split.images[start : start + 500]))
        hits += int((logits.argmax(1) == torch.from_numpy(split.labels[start : start + 500])).sum())
    return hits / len(split)


def train(
    epochs: int, batch_size: int, seed: int, train_split: Split, val_split: Split | None = None
) -> FashionClassifier:
    """Train; returns the averaged model in eval mode, rounded to half precision. Splits: uint8 [N, 28, 28, 1].

    With a `val_split` each epoch says how accurate the model has become.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = FashionClassifier().to(memory_format=torch.channels_last)
    average = deepcopy(model).requires_grad_(False).eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK_LR, momentum=0.9, nesterov=True, weight_decay=5e-4)
    batch_size = min(batch_size, len(train_split))
    steps_per_epoch = len(train_split) // batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LR, total_steps=epochs * steps_per_epoch, pct_start=0.2
    )
    labels = torch.from_numpy(train_split.labels)
    began = time.monotonic()
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(train_split), generator=generator)
        for step in range(steps_per_epoch):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            images = augment(_to_float(train_split.images[chosen.numpy()]), generator).contiguous(
                memory_format=torch.channels_last
            )
            with autocast(images.device, "auto"):
                loss = F.cross_entropy(model(images).float(), labels[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            for averaged, current in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
                if averaged.is_floating_point():
                    averaged.lerp_(current, 1 / min(200, step + 1 + epoch * steps_per_epoch))
        if val_split is not None:
            print(
                f"epoch {epoch + 1}/{epochs}: val {accuracy(average, val_split):.4f}, {time.monotonic() - began:.0f} s",
                flush=True,
            )
    return average.half().float()


def _to_float(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=EVALUATORS)
    arguments = parser.parse_args()

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    build("fashion")
    data = read_parquet(parquet_path("fashion"), FASHION_SIZE, 1)
    model = train(arguments.epochs, arguments.batch_size, arguments.seed, data.train, data.val)
    val, test = accuracy(model, data.val), accuracy(model, data.test)
    print(f"val {val:.4f}, test {test:.4f}")
    if test < REQUIRED_ACCURACY:
        raise SystemExit(f"Test accuracy {test:.4f} is below {REQUIRED_ACCURACY}: not stored.")
    weights = {name: tensor.half() for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    with atomic_path(arguments.to / "fashion_classifier.safetensors") as path:
        path.write_bytes(save(weights))
    write_json(
        arguments.to / "fashion_classifier.json",
        {
            "name": "Fashion classifier",
            "made_by": "python -m training.evaluator "
            f"--epochs {arguments.epochs} --batch-size {arguments.batch_size} --seed {arguments.seed}",
            "test_accuracy": round(test, 4),
            "val_accuracy": round(val, 4),
            "features": "penultimate layer, 128 numbers, of 28x28 grayscale in [-1, 1]",
            "data": data.info.title,
            "data_version": data.info.version,
            "data_licence": data.info.licence,
            "torch": torch.__version__,
        },
    )


if __name__ == "__main__":
    main()

"""Images a second in training: our loop beside plain PyTorch with the same network, loss and optimizer.

    python -m tests.bench.throughput [--seconds 15 --rounds 3]

Plain is what a tutorial does: float32 in the default memory layout, and a DataLoader that turns one stored picture
after another into a tensor. Ours is what `genhub train` does: bfloat16 where the hardware multiplies it, channels last,
batches gathered from memory. Both take turns in fresh processes of one thread. Report the ratio: whatever else the
machine does hits both alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.bench.environment import ONE_THREAD
from training.data.dataset import ImageData, Split
from training.data.open import open_data
from training.family import load_family
from training.loop import Feed
from training.precision import new_accelerator, use_allowed_threads

FAMILIES = ("gan", "vae", "denoiser")
SIDES = ("plain", "ours")
WARMUP = 5
"""Steps that are not timed."""


class Pictures(Dataset[tuple[Tensor, int]]):
    """One picture and its class at a time, float [C, H, W] in [-1, 1]."""

    def __init__(self, split: Split) -> None:
        self.pictures = [Image.fromarray(image[..., 0]) for image in split.images]
        self.labels = split.labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        levels = torch.frombuffer(bytearray(self.pictures[index].tobytes()), dtype=torch.uint8)
        side = self.pictures[index].width
        return levels.reshape(1, side, side).float() / 127.5 - 1, int(self.labels[index])


def plain_batches(data: ImageData, batch_size: int) -> Callable[[], dict[str, Tensor]]:
    loader = DataLoader(Pictures(data.train), batch_size, shuffle=True, drop_last=True)
    batches = iter(loader)

    def following() -> dict[str, Tensor]:
        nonlocal batches
        try:
            image, label = next(batches)
        except StopIteration:
            batches = iter(loader)
            image, label = next(batches)
        return {"image": image, "label": label}

    return following


def measure(name: str, side: str, seconds: float) -> float:
    """Images a second of one family, in this process."""
    use_allowed_threads()
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(0)
    family: Any = load_family(name)
    settings = family.PRESETS["cpu"].__dict__ | {"precision": "fp32" if side == "plain" else "auto"}
    config = family.Config(**settings)
    accelerator, data = new_accelerator(cpu=True), open_data("fashion", config.image_size, config.channels)
    trainer = family.Trainer(config, data, accelerator)
    if side == "plain":
        for module in trainer.modules().values():
            if isinstance(module, nn.Module):
                module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        following = plain_batches(data, config.batch_size)
    else:
        feed = Feed(data.train, 0, accelerator)

        def following() -> dict[str, Tensor]:
            return feed.next(config.batch_size)

    for _ in range(WARMUP):
        trainer.step(following())
    steps, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        trainer.step(following())
        steps += 1
    return steps * config.batch_size / (time.monotonic() - began)


def main() -> None:
    """Take turns, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15, help="of training in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", nargs=2, metavar=("FAMILY", "SIDE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(measure(*arguments.worker, arguments.seconds)))
        return
    for family in FAMILIES:
        found: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(arguments.rounds):
            for side in SIDES:
                command = [sys.executable, "-m", "tests.bench.throughput", "--worker", family, side]
                command += ["--seconds", str(arguments.seconds)]
                done = subprocess.run(
                    command, check=True, capture_output=True, text=True, env={**os.environ, **ONE_THREAD}
                )
                found[side].append(json.loads(done.stdout.splitlines()[-1]))
        plain, ours = (statistics.median(found[side]) for side in SIDES)
        print(f"{family}: plain {plain:.0f} images/s, ours {ours:.0f}, ratio {ours / plain:.2f}", flush=True)


if __name__ == "__main__":
    main()

"""Images a second in training: our loop beside plain PyTorch with the same network, loss and optimizer.

    python -m tests.bench.throughput [--seconds 15 --rounds 3]

Plain is what a tutorial does: float32 in the default memory layout, and a DataLoader that turns one stored picture
after another into a tensor; a GAN's two players take turns, as its authors wrote it. Ours is what `genhub train` does:
bfloat16 where the hardware multiplies it, channels last, batches gathered from memory, and nothing computed twice.
Both take turns in fresh processes of one thread. Report the ratio: whatever else the machine does hits both alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.bench.environment import ONE_THREAD
from training.data.dataset import ImageData, Split
from training.data.open import open_data
from training.families import gan
from training.family import load_family
from training.loop import Feed
from training.precision import bf16_helps, new_accelerator, use_allowed_threads
from training.schedule import BudgetSchedule

FAMILIES = ("gan", "vae", "denoiser")
SIDES = ("plain", "ours")
CYCLE = gan.Config.penalty_every
"""Steps are counted in whole cycles of this many, of which one has a GAN's gradient penalty."""


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


def alternating(trainer: gan.Trainer, batch: dict[str, Tensor]) -> None:
    """One step of both players in turns (Huang et al., 2024): each draws fakes of its own and sees the real images."""
    generator, discriminator, config = trainer.generator, trainer.discriminator, trainer.config
    penalised = trainer.discriminator_schedule.step % config.penalty_every == 0
    real = batch["image"].requires_grad_(penalised)
    with torch.no_grad():
        fake = generator(torch.randn(len(real), config.latent_dim))
    fake.requires_grad_(penalised)
    real_logits, fake_logits = discriminator(real), discriminator(fake)
    loss = F.softplus(fake_logits - real_logits).mean()
    if penalised:
        for images, logits in ((real, real_logits), (fake, fake_logits)):
            (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
            penalty = gradient.square().flatten(1).sum(dim=1).mean()
            loss = loss + 0.5 * config.penalty * config.penalty_every * penalty
    trainer.discriminator_optimizer.zero_grad()
    loss.backward()
    trainer.discriminator_optimizer.step()

    discriminator.requires_grad_(False)
    fake_logits = discriminator(generator(torch.randn(len(real), config.latent_dim)))
    loss = F.softplus(discriminator(real.detach()) - fake_logits).mean()
    trainer.generator_optimizer.zero_grad()
    loss.backward()
    trainer.generator_optimizer.step()
    discriminator.requires_grad_(True)
    trainer.generator_ema.update(generator, len(real))


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
    schedules = [each for each in trainer.modules().values() if isinstance(each, BudgetSchedule)]
    step = trainer.step
    following: Callable[[], dict[str, Tensor]] = partial(Feed(data.train, 0, accelerator).next, config.batch_size)
    if side == "plain":
        for module in trainer.modules().values():
            if isinstance(module, nn.Module):
                module.to(memory_format=torch.contiguous_format)
        following = plain_batches(data, config.batch_size)
        if name == "gan":
            step = partial(alternating, trainer)

    def train(steps: range) -> None:
        for number in steps:
            for schedule in schedules:
                schedule.advance(number, 0.0)
            step(following())

    train(range(CYCLE))
    steps, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        train(range(steps, steps + CYCLE))
        steps += CYCLE
    return steps * config.batch_size / (time.monotonic() - began)


def main() -> None:
    """Take turns, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15, help="of training in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", nargs=2, metavar=("FAMILY", "SIDE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        family, side = arguments.worker
        print(json.dumps(measure(family, side, arguments.seconds)))
        return
    print(f"bfloat16: {'yes' if bf16_helps(torch.device('cpu')) else 'no'}, {arguments.rounds} rounds in turns")
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

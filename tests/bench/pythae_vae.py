"""The peer's side of `vae_vs_pythae`: train pythae's VAE for a budget of wall-clock time, write down what it makes.

Runs in an environment of its own that has pythae; `vae_vs_pythae` makes that environment and starts this file.
Everything but the stop at the budget is pythae's: nets, data set, trainer, optimizer, samplers.
"""

import argparse
import contextlib
import json
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pythae.data.preprocessors import DataProcessor
from pythae.models import VAE, VAEConfig
from pythae.models.nn.benchmarks import mnist
from pythae.samplers import GaussianMixtureSampler, GaussianMixtureSamplerConfig, NormalSampler
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor

NETS = {
    "conv": (mnist.Encoder_Conv_VAE_MNIST, mnist.Decoder_Conv_AE_MNIST),
    "resnet": (mnist.Encoder_ResNet_VAE_MNIST, mnist.Decoder_ResNet_AE_MNIST),
}
# Both as in pythae's own benchmark of VAEs on MNIST: examples/scripts/configs/mnist/base_training_config.json.
LEARNING_RATE = 1e-3
BATCH_SIZE = 100
GMM_COMPONENTS = 10


class BudgetSpentError(Exception):
    """Ends pythae's training loop, which knows epochs only."""


class Budget(TrainingCallback):  # type: ignore[misc]
    """Stops the training at the first step that ends after the budget: the model then holds its end state."""

    def __init__(self, minutes: float) -> None:
        """minutes: wall-clock time from the beginning of the first epoch."""
        self.minutes = minutes
        self.steps = 0
        self.seconds = 0.0

    def on_train_begin(self, training_config: BaseTrainerConfig, **kwargs: object) -> None:
        """Start the clock: loading, building and pythae's sanity check are not in the budget."""
        self.began = time.monotonic()

    def on_train_step_end(self, training_config: BaseTrainerConfig, **kwargs: object) -> None:
        """Count the step and look at the clock."""
        self.steps += 1
        self.seconds = time.monotonic() - self.began
        if self.seconds >= 60 * self.minutes:
            raise BudgetSpentError


def train(images: Tensor, nets: str, latent_dim: int, minutes: float, folder: Path) -> tuple[BaseTrainer, Budget]:
    """Train on float [N, 1, 28, 28] in [0, 1] with pythae's trainer. No evaluation set: the budget is for training."""
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=latent_dim)
    encoder, decoder = NETS[nets]
    processor, budget = DataProcessor(), Budget(minutes)
    trainer = BaseTrainer(
        model=VAE(config, encoder=encoder(config), decoder=decoder(config)),
        train_dataset=processor.to_dataset(processor.process_data(images)),
        training_config=BaseTrainerConfig(
            output_dir=str(folder),
            num_epochs=1_000_000,
            learning_rate=LEARNING_RATE,
            per_device_train_batch_size=BATCH_SIZE,
            no_cuda=True,
        ),
        callbacks=[budget],
    )
    with contextlib.suppress(BudgetSpentError):
        trainer.train()
    return trainer, budget


@torch.no_grad()
def results(model: VAE, train_images: Tensor, test_images: Tensor, samples: int, seed: int) -> dict[str, np.ndarray]:
    """Samples of both samplers, and reconstructions of the test images: uint8 [N, 28, 28, 1] each."""
    model.eval()
    torch.manual_seed(seed)
    np.random.seed(seed)  # the mixture's fit and draws
    normal = NormalSampler(model).sample(num_samples=samples)
    mixture = GaussianMixtureSampler(model, GaussianMixtureSamplerConfig(n_components=GMM_COMPONENTS))
    mixture.fit(train_images)
    # Through the mean, as for our model; pythae's own `reconstruct` would add the noise of a draw.
    rebuilt = [model.decoder(model.encoder(batch).embedding).reconstruction for batch in test_images.split(500)]
    images = {"normal": normal, "mixture": mixture.sample(num_samples=samples), "reconstructions": torch.cat(rebuilt)}
    return {
        name: (value.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy() for name, value in images.items()
    }


def main() -> None:
    """Read `images.npz` in the folder; write `end.npz`, `best.npz` where pythae kept a best state, and `peer.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nets", choices=sorted(NETS), required=True)
    parser.add_argument("--latent-dim", type=int, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--samples", type=int, required=True)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    with np.load(arguments.folder / "images.npz") as archive:
        loaded = {name: torch.from_numpy(archive[name]).permute(0, 3, 1, 2).float() / 255 for name in ("train", "test")}
    train_images, test_images = loaded["train"], loaded["test"]
    trainer, budget = train(
        train_images, arguments.nets, arguments.latent_dim, arguments.minutes, arguments.folder / "pythae"
    )
    states = {"end": trainer.model}
    if hasattr(trainer, "_best_model"):  # lowest training loss of a whole epoch; none before the first one has ended
        states["best"] = trainer._best_model
    for name, model in states.items():
        made: dict[str, Any] = results(model, train_images, test_images, arguments.samples, seed=2021)
        np.savez(arguments.folder / f"{name}.npz", **made)
    content = {
        "version": metadata.version("pythae"),
        "torch": torch.__version__,
        "nets": arguments.nets,
        "parameters": sum(parameter.numel() for parameter in trainer.model.parameters()),
        "learning_rate": LEARNING_RATE,
        "batch_size": BATCH_SIZE,
        "mixture_components": GMM_COMPONENTS,
        "steps": budget.steps,
        "epochs": round(budget.steps * BATCH_SIZE / len(train_images), 2),
        "seconds": round(budget.seconds, 1),
        "states": list(states),
    }
    (arguments.folder / "peer.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()

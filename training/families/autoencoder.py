"""Plain convolutional autoencoder: the best reconstruction through a few numbers, and nothing said about those numbers.

What: an encoder and a decoder trained together on squared error alone (Hinton and Salakhutdinov, 2006), with the nets
of `vae`, so that only the objective differs. Nothing tells it where to put its latents. They form islands with empty
sea between, and a decoder asked about the sea answers with pictures of nothing: the holes that variational autoencoders
were invented to close. Measured on Fashion-MNIST as the Fréchet distance of samples, 32 numbers a latent: 3.52
from plain noise, where `vae` has 3.37 from plain noise and 0.45 through its learned prior. So what closes most of the
holes is knowing where the latents are, more than the objective. With two numbers a latent, the default, there is little
to close: 2.32, where `vae` has 2.77 and 2.44.

For noise and walks to start on the scale of the data, the encoder ends by whitening: it subtracts the running mean
of its latents and divides by a root of their running covariance, as in decorrelated batch normalisation (Huang et al.,
2018). That folds into its last layer. It is a change of units, not a prior: the latents have mean zero and identity
covariance, and are as far from Gaussian as they were.

Beside its numbers: principal components, as many as the latent has numbers, which are the best linear autoencoder; and
the Fréchet distance of reconstructions, which is what its samples could reach if there were no holes.

    genhub train autoencoder --preset cpu --data fashion
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from torch import Tensor, nn

from training.data.dataset import ImageData
from training.ema import EMA
from training.evaluation import (
    evaluation_noise,
    judge_of,
    reconstruction_metrics,
    sample_metrics,
    unpadded,
)
from training.families import vae
from training.family import Stateful
from training.metrics import pca_reconstruction, psnr
from training.pixels import to_float, to_uint8
from training.precision import autocast
from training.schedule import BudgetSchedule

NAME = "autoencoder"
TASK = "sample"
DATA = "fashion"


@dataclass(frozen=True)
class Config(vae.NetConfig):
    """Settings of the autoencoder."""

    latent_dim: int = 2
    """Numbers in a latent (1 or more); two can be drawn."""
    learning_rate: float = 1e-3
    """Peak of AdamW's learning rate."""
    weight_decay: float = 1e-3
    """AdamW's weight decay."""
    clip_norm: float = 1.0
    """Largest norm of the gradients."""
    ema_half_life: float = 100_000
    """Half-life of the averaged weights, in images, once enough were seen."""
    evaluation_samples: int = 10_000
    """Images generated, and real images taken for the floor, in a Fréchet distance."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least({"latent_dim": 1, "width": 1, "evaluation_samples": 2})


PRESETS: dict[str, vae.NetConfig] = {
    "smoke": Config(width=8, batch_size=16, max_steps=30, evaluation_samples=100),
    "cpu": Config(batch_size=64, max_minutes=50.0),
    "gpu": Config(batch_size=512, max_minutes=10.0, learning_rate=2e-3, checkpoint_minutes=3.0),
}


class Whitening(nn.Module):
    """z float [N, D] -> the same with mean zero and identity covariance, by running statistics.

    Gradients do not pass through the statistics: to the encoder the whitening is a change of units that drifts slowly.
    """

    mean: Tensor
    covariance: Tensor

    def __init__(self, dim: int, momentum: float = 0.01) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("covariance", torch.eye(dim))

    def forward(self, z: Tensor) -> Tensor:
        if self.training:
            self._update(z.detach())
        return (z - self.mean) @ self.matrix().T

    @torch.no_grad()
    def _update(self, z: Tensor) -> None:
        mean = z.mean(dim=0)
        centred = z - mean
        self.mean.lerp_(mean, self.momentum)
        self.covariance.lerp_(centred.T @ centred / max(len(z) - 1, 1), self.momentum)

    def matrix(self) -> Tensor:
        """W [D, D] with W C W^T = 1 for the covariance C: the inverse of its Cholesky factor, which never jumps."""
        identity = torch.eye(len(self.mean), device=self.mean.device)
        factor = torch.linalg.cholesky(self.covariance + 1e-6 * identity)
        whitening: Tensor = torch.linalg.solve_triangular(factor, identity, upper=False)
        return whitening


class Encoder(nn.Module):
    """image float [N, C, H, W] in [-1, 1] -> latent [N, D], whitened."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        variational = vae.Encoder(config)
        self.body = variational.body
        self.head = nn.Linear(variational.head.in_features, config.latent_dim)
        self.whitening = Whitening(config.latent_dim)

    def forward(self, image: Tensor) -> Tensor:
        features = self.body(image).float()
        # In full precision: a few numbers are all that a picture has, and bfloat16 has 8 bits for each.
        with torch.autocast(features.device.type, enabled=False):
            z: Tensor = self.whitening(self.head(features))
        return z

    @torch.no_grad()
    def folded(self) -> nn.Sequential:
        """The same as it is used after training: the whitening has become part of the last layer."""
        head, matrix = deepcopy(self.head), self.whitening.matrix()
        head.weight.copy_(matrix @ self.head.weight)
        head.bias.copy_(matrix @ (self.head.bias - self.whitening.mean))
        return nn.Sequential(self.body, head).eval()


class Autoencoder(nn.Module):
    """Encoder and decoder under one forward pass, which is what DistributedDataParallel wants to see."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.decoder = vae.Decoder(config)

    def forward(self, image: Tensor) -> Tensor:
        reconstruction: Tensor = self.decoder(self.encoder(image))
        return reconstruction


class Trainer:
    """Trains an autoencoder."""

    def __init__(self, config: Config, data: ImageData, accelerator: Accelerator) -> None:
        self.config, self.data, self.accelerator = config, data, accelerator
        self.autoencoder = Autoencoder(config).to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.autoencoder_ema = EMA(self.autoencoder, config.ema_half_life)
        self.optimizer = torch.optim.AdamW(
            self.autoencoder.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(0.9, 0.99),
            foreach=True,
        )
        self.schedule = BudgetSchedule(self.optimizer)
        # What runs is the accelerator's view of it (DistributedDataParallel), what is saved is the bare module.
        self.parallel_autoencoder = accelerator.prepare_model(self.autoencoder)
        self.noise = torch.randn(64, config.latent_dim, generator=torch.Generator().manual_seed(config.seed))

    def modules(self) -> dict[str, Stateful]:
        return {
            "autoencoder": self.autoencoder,
            "autoencoder_ema": self.autoencoder_ema,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        image = batch["image"]
        self.autoencoder.train()
        with autocast(image.device, self.config.precision):
            reconstruction = self.parallel_autoencoder(image)
        loss = (reconstruction - image).square().mean()
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.autoencoder.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.autoencoder_ema.update(self.autoencoder, len(image) * self.accelerator.num_processes)
        return {"loss": loss.detach()}

    def inference_modules(self) -> dict[str, nn.Module]:
        average = self.autoencoder_ema.average
        return {"decoder": average.decoder, "encoder": average.encoder.folded()}

    def places(self, _family: str) -> dict[str, nn.Module]:
        """Where the weights of a bundle's graphs go: what whitened has become part of the encoder's last layer."""
        average = self.autoencoder_ema.average
        return {"decoder": average.decoder, "encoder": nn.Sequential(average.encoder.body, average.encoder.head)}

    def judge(self) -> nn.Module | None:
        """What shows the holes: it travels with the model, and is less sure of a picture the less that shows."""
        return judge_of(self.data)

    @torch.no_grad()
    def sample(self, noise: Tensor) -> Tensor:
        """Decode noise float [N, D] to images float [N, C, H, W] in [-1, 1], on the host, in batches."""
        decoder = self.autoencoder_ema.average.decoder
        return torch.cat([decoder(part).cpu() for part in torch.split(noise.to(self.accelerator.device), 500)])

    def preview(self) -> Tensor:
        return self.sample(self.noise)

    @torch.no_grad()
    def evaluate(self, split: str = "test") -> dict[str, float]:
        """Reconstruction beside principal components and, where there is an evaluator, samples of fixed noise."""
        chosen = self.data.test if split == "test" else self.data.val
        if len(chosen) == 0:
            return {}
        average, device = self.autoencoder_ema.average, self.accelerator.device
        batches = [to_float(chosen.images[start : start + 500]).to(device) for start in range(0, len(chosen), 500)]
        reconstructed = np.concatenate([to_uint8(average(batch)) for batch in batches])
        train, real, ours = (
            unpadded(each, self.data) for each in (self.data.train.images, chosen.images, reconstructed)
        )
        found = {
            "reconstruction_psnr": psnr(ours, real),
            "pca_psnr": psnr(pca_reconstruction(train, real, self.config.latent_dim), real),
        }
        found |= reconstruction_metrics(reconstructed, self.data, split)
        noise = evaluation_noise(self.config.evaluation_samples, self.config.latent_dim)
        return {**found, **sample_metrics(to_uint8(self.sample(noise)), self.data, split)}

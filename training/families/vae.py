"""Convolutional variational autoencoder with a learned decoder variance and an ex-post prior.

What: an encoder and a decoder trained on the evidence lower bound (Kingma and Welling, 2014), with the decoder's
variance at its optimum (sigma-VAE: Rybkin, Daniilidis and Levine, 2021), which balances reconstruction against the
latent's rate with no weight to tune. There is one variance for each band of a Haar wavelet transform, not one for all
pixels: fine detail, whose errors are small, is then not drowned by coarse shape, and pictures come out sharper (at
equal time, Fréchet distance of samples 1.93 -> 1.69 on the validation split, PSNR of reconstructions 21.5 -> 21.9
dB).

The encoded images do not fill the standard normal, so decoding plain noise gives mush; a small normalizing flow
(RealNVP: Dinh et al., 2017) learns where they are, as in ex-post density estimation (Ghosh et al., 2020). It learns
along with the autoencoder, on detached latents, so that every checkpoint samples well; the last part of the budget is
its own.

    genhub train vae --preset cpu --data fashion
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional as F

from training.augment import mirror_half
from training.config import RunConfig
from training.data.dataset import ImageData
from training.ema import EMA
from training.evaluation import evaluation_noise, sample_metrics, unpadded
from training.family import Stateful
from training.metrics import psnr
from training.nets.flow import Flow
from training.nets.stages import halvings
from training.pixels import to_float, to_uint8
from training.precision import autocast
from training.schedule import BudgetSchedule

NAME = "vae"
TASK = "sample"
DATA = "fashion"


@dataclass(frozen=True)
class NetConfig(RunConfig):
    """What encoder and decoder are built from; `autoencoder` has the same nets."""

    latent_dim: int = 32
    """Numbers in a latent (2 or more)."""
    width: int = 32
    """Scale of the nets: twice this many channels at half resolution, three times from a quarter on."""


@dataclass(frozen=True)
class Config(NetConfig):
    """Settings of the VAE."""

    beta: float = 1.0
    """Weight of the KL term; 1 is the evidence lower bound."""
    free_bits: float = 0.0
    """KL per latent dimension, in nats, that costs nothing (Kingma et al., 2016)."""
    learning_rate: float = 1e-3
    """Peak of AdamW's learning rate for encoder and decoder."""
    weight_decay: float = 1e-3
    """AdamW's weight decay."""
    clip_norm: float = 1.0
    """Largest norm of the gradients."""
    ema_half_life: float = 300_000
    """Half-life of the averaged weights, in images, once enough were seen."""
    prior_layers: int = 8
    """Coupling layers of the prior's flow."""
    prior_width: int = 128
    """Hidden width of the coupling layers."""
    prior_learning_rate: float = 1e-3
    """Peak of Adam's learning rate for the prior."""
    prior_share: float = 0.12
    """Last share of the budget, in which the autoencoder rests and the prior alone learns."""
    flip: bool = False
    """Mirror half of the training images."""
    evaluation_samples: int = 10_000
    """Images generated, and real images taken for the floor, in a Fréchet distance."""


PRESETS: dict[str, Config] = {
    "smoke": Config(
        latent_dim=4, width=8, batch_size=16, max_steps=30, prior_layers=2, prior_width=16, evaluation_samples=100
    ),
    "cpu": Config(batch_size=64, max_minutes=50.0, prior_share=0.2),
    "gpu": Config(
        batch_size=512, max_minutes=10.0, learning_rate=2e-3, prior_learning_rate=2e-3, checkpoint_minutes=3.0
    ),
}


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around the identity; batch norm, because it folds into them for inference."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x + self.body(x))


def conv_norm(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """Convolution with a margin of one pixel, batch norm, SiLU."""
    return [nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU()]


def stage_widths(image_size: int, width: int) -> list[int]:
    """Channels at each resolution from half of the full one down to 4x4."""
    return [min(width << level, 3 * width) for level in range(1, halvings(image_size) + 1)]


class Encoder(nn.Module):
    """image float [N, C, H, W] in [-1, 1] -> mean and log-variance of the latent, each [N, D]."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        widths = stage_widths(config.image_size, config.width)
        # Nothing but one strided convolution at full resolution: on a CPU, that is where the time goes.
        layers = [*conv_norm(config.channels, widths[0], kernel=4, stride=2), ResidualBlock(widths[0])]
        for inputs, outputs in pairwise(widths):
            layers += conv_norm(inputs, outputs, kernel=4, stride=2)
        # Half the channels before the linear layer, which would hold most of the weights otherwise.
        self.body = nn.Sequential(*layers, *conv_norm(widths[-1], widths[-1] // 2), nn.Flatten())
        self.head = nn.Linear(widths[-1] // 2 * 16, 2 * config.latent_dim)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.head(self.body(image)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-12.0, 4.0)


class Decoder(nn.Module):
    """z float [N, D] -> image float [N, C, H, W] in [-1, 1]."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        widths = stage_widths(config.image_size, config.width)[::-1]
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], 4, 4)), nn.BatchNorm2d(widths[0]), nn.SiLU()]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Upsample(scale_factor=2, mode="nearest"), *conv_norm(inputs, outputs), ResidualBlock(outputs)]
        # The last doubling moves channels into pixels (Shi et al., 2016): convolutions stay at half resolution.
        fine = config.width // 2
        layers += [
            nn.Conv2d(widths[-1], 4 * fine, 3, 1, 1, bias=False),
            nn.PixelShuffle(2),
            nn.BatchNorm2d(fine),
            nn.SiLU(),
        ]
        self.stem = nn.Linear(config.latent_dim, widths[0] * 16)
        self.body = nn.Sequential(*layers, nn.Conv2d(fine, config.channels, 3, 1, 1))

    def forward(self, z: Tensor) -> Tensor:
        image: Tensor = self.body(self.stem(z)).float().tanh()
        return image


class Autoencoder(nn.Module):
    """Encoder and decoder under one forward pass, which is what DistributedDataParallel wants to see."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns reconstruction, a sampled latent, its mean and its log-variance."""
        mean, log_variance = self.encoder(image)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(z), z, mean, log_variance


class MeanEncoder(nn.Module):
    """The encoder as it is used after training: image float [N, C, H, W] in [-1, 1] -> latent mean [N, D]."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> Tensor:
        mean: Tensor = self.encoder(image)[0]
        return mean


def haar_bands(image: Tensor) -> list[Tensor]:
    """The bands of the orthonormal Haar wavelet transform of [N, C, H, W], finest first, down to a 4x4 mean."""
    bands = []
    while image.shape[-1] > 4:
        a, b = image[..., ::2, ::2], image[..., ::2, 1::2]
        c, d = image[..., 1::2, ::2], image[..., 1::2, 1::2]
        bands += [(a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2]
        image = (a + b + c + d) / 2
    return [*bands, image]


def negative_log_likelihood(error: Tensor) -> Tensor:
    """Gaussian, in nats per number of `error` [N, C, H, W] but for a constant, with the best variance for every band.

    With the variance at its optimum, which is the mean squared error itself, what remains is the log of that error.
    """
    bands = [0.5 * torch.log(band.square().mean() + 1e-7) * band[0].numel() for band in haar_bands(error)]
    return torch.stack(bands).sum() / error[0].numel()


class Trainer:
    """Trains a VAE and its prior."""

    def __init__(self, config: Config, data: ImageData, accelerator: Accelerator) -> None:
        self.config, self.data, self.accelerator = config, data, accelerator
        device = accelerator.device
        self.autoencoder = Autoencoder(config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.prior = Flow(config.latent_dim, config.prior_layers, config.prior_width).to(device)
        self.autoencoder_ema = EMA(self.autoencoder, config.ema_half_life)
        self.prior_ema = EMA(self.prior, config.ema_half_life)
        self.optimizer = torch.optim.AdamW(
            self.autoencoder.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(0.9, 0.99),
            foreach=True,
        )
        self.prior_optimizer = torch.optim.Adam(self.prior.parameters(), lr=config.prior_learning_rate, foreach=True)
        self.schedule = BudgetSchedule(self.optimizer, end=1 - config.prior_share)
        self.prior_schedule = BudgetSchedule(self.prior_optimizer, begin=1 - config.prior_share)
        # What runs is the accelerator's view of it (DistributedDataParallel), what is saved is the bare module.
        self.parallel_autoencoder = accelerator.prepare_model(self.autoencoder)
        self.noise = torch.randn(64, config.latent_dim, generator=torch.Generator().manual_seed(config.seed))

    def modules(self) -> dict[str, Stateful]:
        return {
            "autoencoder": self.autoencoder,
            "prior": self.prior,
            "autoencoder_ema": self.autoencoder_ema,
            "prior_ema": self.prior_ema,
            "optimizer": self.optimizer,
            "prior_optimizer": self.prior_optimizer,
            "schedule": self.schedule,
            "prior_schedule": self.prior_schedule,
        }

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        image = batch["image"]
        if self.config.flip:
            image = mirror_half(image)
        if self.schedule.fraction < 1 - self.config.prior_share:
            losses, z = self._autoencoder_step(image)
        else:
            losses, z = {}, self._encode_again(image)
        losses["prior_nll"] = self._prior_step(z) / self.config.latent_dim
        return losses

    def _autoencoder_step(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Descend on the negative evidence lower bound per pixel; returns losses and the latents, detached."""
        self.autoencoder.train()
        with autocast(image.device, self.config.precision):
            reconstruction, z, mean, log_variance = self.parallel_autoencoder(image)
        error = reconstruction - image
        rate = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        rate = rate.mean(dim=0).clamp(min=self.config.free_bits).sum()
        loss = negative_log_likelihood(error) + self.config.beta * rate / image[0].numel()
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.autoencoder.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.autoencoder_ema.update(self.autoencoder, len(image) * self.accelerator.num_processes)
        mse = error.detach().square().mean()
        return {"loss": loss.detach(), "mse": mse, "rate": rate.detach()}, z.detach()

    @torch.no_grad()
    def _encode_again(self, image: Tensor) -> Tensor:
        """Latents of the averaged encoder, four draws an image: it is its decoder that the prior will feed."""
        with autocast(image.device, self.config.precision):
            mean, log_variance = self.autoencoder_ema.average.encoder(image)
        mean, deviation = mean.repeat(4, 1), (0.5 * log_variance).exp().repeat(4, 1)
        z: Tensor = mean + torch.randn_like(mean) * deviation
        return z

    def _prior_step(self, z: Tensor) -> Tensor:
        """Raise the likelihood of latents under the flow. Float32: it is tiny, and densities are delicate."""
        loss = -self.prior.log_prob(z).mean()
        self.prior_optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._average_gradients(self.prior)
        self.accelerator.clip_grad_norm_(self.prior.parameters(), 5.0)
        self.prior_optimizer.step()
        self.prior_ema.update(self.prior, len(z) * self.accelerator.num_processes)
        return loss.detach()

    def _average_gradients(self, module: nn.Module) -> None:
        """DistributedDataParallel's job, for a module whose pass is not its `forward`."""
        if self.accelerator.num_processes > 1:
            for parameter in module.parameters():
                parameter.grad = self.accelerator.reduce(parameter.grad, "mean")

    def inference_modules(self) -> dict[str, nn.Module]:
        average = self.autoencoder_ema.average
        return {
            "decoder": average.decoder,
            "encoder": MeanEncoder(average.encoder).eval(),
            "prior": self.prior_ema.average,
        }

    @torch.no_grad()
    def sample(self, noise: Tensor) -> Tensor:
        """Decode noise float [N, D] to images float [N, C, H, W] in [-1, 1], on the host, in batches."""
        modules = self.inference_modules()
        parts = torch.split(noise.to(self.accelerator.device), 500)
        return torch.cat([modules["decoder"](modules["prior"](part)).cpu() for part in parts])

    def preview(self) -> Tensor:
        return self.sample(self.noise)

    @torch.no_grad()
    def evaluate(self, split: str = "test") -> dict[str, float]:
        """Reconstruction PSNR (dB) and, where there is an evaluator, the Fréchet distance of samples of fixed noise."""
        chosen = self.data.test if split == "test" else self.data.val
        if len(chosen) == 0:
            return {}
        modules = self.inference_modules()
        device = self.accelerator.device
        batches = [to_float(chosen.images[start : start + 500]).to(device) for start in range(0, len(chosen), 500)]
        reconstructed = np.concatenate([to_uint8(modules["decoder"](modules["encoder"](batch))) for batch in batches])
        quality = psnr(unpadded(reconstructed, self.data), unpadded(chosen.images, self.data))
        noise = evaluation_noise(self.config.evaluation_samples, self.config.latent_dim)
        return {"reconstruction_psnr": quality, **sample_metrics(to_uint8(self.sample(noise)), self.data, split)}

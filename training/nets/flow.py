"""A small normalizing flow: an invertible net that learns where latents are, and then draws new ones."""

import math

import torch
from torch import Tensor, nn

from training.errors import TrainingError


class Flow(nn.Module):
    """RealNVP flow. `forward`: noise float [N, D] ~ N(0, 1) -> z [N, D]; `inverse`: z -> noise; `log_prob`: z -> log
    density [N].

    Each layer turns the latent by a fixed random rotation, then shifts and scales its second half by a function of the
    first.
    """

    rotations: Tensor

    def __init__(self, dim: int, layers: int, width: int) -> None:
        super().__init__()
        if dim < 2:
            raise TrainingError(f"--latent-dim must be at least 2, not {dim}.")
        self.kept = dim // 2
        moved = dim - self.kept
        rotations = [torch.linalg.qr(torch.randn(dim, dim))[0] for _ in range(layers)]
        self.register_buffer("rotations", torch.stack(rotations))
        self.couplings = nn.ModuleList()
        for _ in range(layers):
            net = nn.Sequential(
                nn.Linear(self.kept, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2 * moved)
            )  # fmt: skip
            nn.init.zeros_(net[-1].weight)  # type: ignore[arg-type]
            nn.init.zeros_(net[-1].bias)  # type: ignore[arg-type]
            self.couplings.append(net)
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))

    def _coupling(self, layer: int, kept: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self.couplings[layer](kept).chunk(2, dim=1)
        return 1.5 * torch.tanh(log_scale / 1.5), shift  # bounded, or one batch of outliers ends the run

    def forward(self, noise: Tensor) -> Tensor:
        x = noise
        for layer in range(len(self.couplings)):
            x = x @ self.rotations[layer]
            kept, moved = x[:, : self.kept], x[:, self.kept :]
            log_scale, shift = self._coupling(layer, kept)
            x = torch.cat([kept, moved * log_scale.exp() + shift], dim=1)
        return x * self.log_scale.exp() + self.shift

    def inverse(self, z: Tensor) -> Tensor:
        """The noise float [N, D] that `forward` turns into `z` [N, D]."""
        return self._back(z)[0]

    def log_prob(self, z: Tensor) -> Tensor:
        x, log_determinant = self._back(z)
        return log_determinant - 0.5 * (x**2).sum(dim=1) - 0.5 * x.shape[1] * math.log(2 * math.pi)

    def _back(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The noise behind `z`, and the log-determinant of the way there, [N]."""
        x = (z - self.shift) * (-self.log_scale).exp()
        log_determinant = -self.log_scale.sum()
        for layer in reversed(range(len(self.couplings))):
            kept, moved = x[:, : self.kept], x[:, self.kept :]
            log_scale, shift = self._coupling(layer, kept)
            x = torch.cat([kept, (moved - shift) * (-log_scale).exp()], dim=1) @ self.rotations[layer].T
            log_determinant = log_determinant - log_scale.sum(dim=1)
        return x, log_determinant

"""What learns from two kinds of pictures that are in no pairs: generators under one forward pass, and discriminators.

One pass, because that is what DistributedDataParallel wants to see. Sources are of kind a, images of kind b.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.contrastive import PatchProjection, patch_contrast
from training.nets.patches import PatchDiscriminator
from training.nets.vision import VisionDiscriminator

BLUR = 5
"""Pixels a side of the blur that tells detail from the rest."""


class Encoding(Protocol):
    """A generator whose features on the way can be asked for."""

    widths: list[int]
    """Channels of the features at each resolution."""

    def __call__(self, source: Tensor) -> Tensor: ...

    def encode(self, source: Tensor) -> list[Tensor]: ...

    def decode(self, source: Tensor, features: list[Tensor]) -> Tensor: ...


class TwoWay(nn.Module):
    """A generator for each way."""

    def __init__(self, there: nn.Module, back: nn.Module, noise: float) -> None:
        """noise: standard deviation of what is added to translations before they go back."""
        super().__init__()
        self.there, self.back = there, back
        self.noise = noise

    def forward(self, a: Tensor, b: Tensor, identity: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Translations by the kind that they became, and losses by name."""
        fake_b, fake_a = self.there(a), self.back(b)
        home_a, home_b = self.back(_noised(fake_b, self.noise)), self.there(_noised(fake_a, self.noise))
        losses = {"cycle": _gap(home_a, a) + _gap(home_b, b)}
        if identity:
            losses["identity"] = _gap(self.back(a), a) + _gap(self.there(b), b)
        return {"b": fake_b, "a": fake_a}, losses


class Restoring(nn.Module):
    """A denoiser, and the model of noise that it learns from."""

    def __init__(self, there: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.there, self.back = there, back

    def forward(self, a: Tensor, b: Tensor, identity: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The same as of `TwoWay`, for images that become sources."""
        fake_a = self.back(b)
        # The noise is not the denoiser's to choose: the two would agree on none, which is easiest to take out.
        return {"a": fake_a}, {"cycle": _gap(self.there(fake_a.detach()), b)}


class OneWay(nn.Module):
    """A generator, and what its features of source and translation are compared by."""

    def __init__(self, there: Encoding, patches: int) -> None:
        """patches: places that are told apart at each resolution."""
        super().__init__()
        self.there = there
        self.projection = PatchProjection(there.widths)
        self.patches = patches

    def forward(self, a: Tensor, b: Tensor, identity: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The same as of `TwoWay`, for one kind."""
        features = self.there.encode(a)
        fake = self.there.decode(a, features)
        losses = {"contrastive": patch_contrast(self.projection, self.there.encode(fake), features, self.patches)}
        if identity:
            losses["identity"] = _gap(self.there(b), b)
        return {"b": fake}, losses


class Discriminators(nn.Module):
    """One for each kind that is made; with `vision`, and one that knows pictures already."""

    def __init__(self, kinds: list[str], channels: int, width: int, detail: float, *, vision: bool) -> None:
        """detail: how much enlarged they see what a blur takes out of a picture; 0: not at all."""
        super().__init__()
        self.detail = detail
        inputs = channels * (2 if detail else 1)
        self.of = nn.ModuleDict({kind: PatchDiscriminator(inputs, width) for kind in kinds})
        self.vision = nn.ModuleDict({kind: VisionDiscriminator() for kind in kinds if vision})

    def forward(self, pictures: dict[str, Tensor]) -> dict[str, list[Tensor]]:
        """Logits by kind, of pictures by kind: the patches', then those of `vision`."""
        return {
            kind: [self.of[kind](self._seen(each))[0], *(self.vision[kind](each) if kind in self.vision else [])]
            for kind, each in pictures.items()
        }

    def _seen(self, picture: Tensor) -> Tensor:
        if not self.detail:
            return picture
        blurred = F.avg_pool2d(picture, BLUR, 1, BLUR // 2, count_include_pad=False)
        return torch.cat([picture, torch.tanh(self.detail * (picture - blurred))], dim=1)


def _noised(pictures: Tensor, strength: float) -> Tensor:
    return pictures + strength * torch.randn_like(pictures) if strength else pictures


def _gap(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).abs().mean()

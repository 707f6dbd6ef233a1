"""How far a net looks: whether, and in what parts, a hub may run it on a picture that is too large to run at once."""

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn

LENGTHS = (512, 4096)
"""Pictures that are tried, the longer side; what looks farther than half of the last counts as seeing everything."""
BREADTH = 32
"""The shorter side: only the longer one is looked along."""


def reach(modules: Iterable[nn.Module], channels: int, multiple: int, told: bool = False) -> int | None:
    """The largest number of rows or columns between a pixel that comes out of ``modules`` and one that it depends on.

    Found, not computed from kernel sizes: all rows up to one are made NaN, and every row that looks at one of them,
    with whatever weight, becomes NaN. A net that strides treats rows differently, so every phase within ``multiple``
    is tried, along rows and columns, from both sides.

    Args:
        modules: each from float [N, C, H, W] to the same; where ``told``, beside it float [N, 1, H, W], at which it may
            not look farther either.
        channels: C.
        multiple: H and W have to be multiples of it.

    Returns:
        Pixels, or ``None`` where a pixel may depend on the whole picture, as with instance normalisation.
    """
    # In double precision: fast float32 convolutions (Winograd) mix neighbours that the net itself keeps apart.
    exact = [deepcopy(_Told(module) if told else module).cpu().double().eval() for module in modules]
    for length in LENGTHS:
        shape = (channels, _up(length, multiple), _up(BREADTH, multiple))
        found = [_reach(module, shape, multiple) for module in exact]
        if None not in found:
            return max(each for each in found if each is not None)
    return None


class _Told(nn.Module):
    """A module whose map is the picture itself: NaN where that is."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, picture: Tensor) -> Tensor:
        answer: Tensor = self.inner(picture, picture[:, :1])
        return answer


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple


@torch.inference_mode()
def _reach(module: nn.Module, shape: tuple[int, int, int], multiple: int) -> int | None:
    """As :func:`reach` on pictures of ``shape``; ``None`` where these are too short to tell."""
    farthest, last = 0, shape[1] - 1
    for at in range(last // 2, last // 2 + multiple):
        for backwards in (False, True):
            for across in (False, True):
                picture = torch.zeros(1, *shape, dtype=torch.float64)
                picture[:, :, : at + 1] = torch.nan
                seen = _rows_that_see(module, picture, backwards, across)
                if seen == last:
                    return None
                farthest = max(farthest, seen - at)
    return farthest


def _rows_that_see(module: nn.Module, picture: Tensor, backwards: bool, across: bool) -> int:
    """The last row of what ``module`` makes of ``picture`` that is NaN; the picture is flipped and turned for it."""

    def turned(picture: Tensor) -> Tensor:
        picture = picture.flip(2) if backwards else picture
        return picture.transpose(2, 3) if across else picture

    def turned_back(picture: Tensor) -> Tensor:
        picture = picture.transpose(2, 3) if across else picture
        return picture.flip(2) if backwards else picture

    answer = turned_back(module(turned(picture).contiguous()))
    return int(torch.isnan(answer)[0].any(dim=0).any(dim=1).nonzero().max())

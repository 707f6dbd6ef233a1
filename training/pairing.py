"""Random changes to pictures that are translated: one geometry for a pair, and another pen for drawings.

What is drawn by hand is thicker, thinner, softer and less steady than what a designer drew. A translator that never saw
such a line takes it for something else.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

BEND_CELLS = 8
"""Cells a side of the coarse grid that a displacement is drawn on."""


def same_geometry(
    source: Tensor, target: Tensor, flip: bool, crop: float, turn: float, bend: float
) -> tuple[Tensor, Tensor]:
    """Both pictures of each pair float [N, C, H, W] in [-1, 1], seen through one window as in `other_geometry`."""
    both = other_geometry(torch.cat([source, target], dim=1), flip, crop, turn, bend)
    return _laid_out(both[:, : source.shape[1]]), _laid_out(both[:, source.shape[1] :])


def other_geometry(pictures: Tensor, flip: bool, crop: float, turn: float, bend: float = 0.0) -> Tensor:
    """Pictures float [N, C, H, W] in [-1, 1], each seen through a window of its own that is drawn anew.

    flip: mirror half of them. crop: smallest share of the side that the window has, at most 1; it lies anywhere inside.
    turn: largest angle in degrees. bend: standard deviation of a smooth displacement, in hundredths of the side.
    Nothing is resampled where only `flip` is asked for.
    """
    count, device = len(pictures), pictures.device
    if flip:
        mirrored = torch.rand(count, 1, 1, 1, device=device) < 0.5
        pictures = torch.where(mirrored, pictures.flip(3), pictures)
    if crop < 1 or turn or bend:
        scale = crop + (1 - crop) * torch.rand(count, device=device)
        shift = (2 * torch.rand(count, 2, device=device) - 1) * (1 - scale)[:, None]
        angle = (2 * torch.rand(count, device=device) - 1) * math.radians(turn)
        cosine, sine = scale * angle.cos(), scale * angle.sin()
        window = torch.stack([cosine, -sine, shift[:, 0], sine, cosine, shift[:, 1]], dim=1).view(count, 2, 3)
        grid = F.affine_grid(window, [count, 1, *pictures.shape[2:]], align_corners=False)
        if bend:
            coarse = torch.randn(count, 2, BEND_CELLS, BEND_CELLS, device=device) * bend / 50
            smooth = F.interpolate(coarse, pictures.shape[2:], mode="bicubic", align_corners=True)
            grid = grid + smooth.permute(0, 2, 3, 1)
        pictures = F.grid_sample(pictures, grid, "bilinear", "border", align_corners=False)
    return _laid_out(pictures)


def same_hue(source: Tensor, target: Tensor, turn: float) -> tuple[Tensor, Tensor]:
    """Both pictures of each pair float [N, 3, H, W] in [-1, 1], their colours turned about the axis of greys.

    By one angle of up to `turn` degrees, drawn anew for each pair; greys stay, and what leaves the range is cut off.
    """
    angle = (2 * torch.rand(len(source), device=source.device) - 1) * math.radians(turn)
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    third, root = torch.full((3, 3), 1 / 3, device=source.device), 1 / math.sqrt(3)
    across = torch.tensor([[0.0, -root, root], [root, 0.0, -root], [-root, root, 0.0]], device=source.device)
    matrix = third + cosine * (torch.eye(3, device=source.device) - third) + sine * across  # Rodrigues' formula

    def turned(pictures: Tensor) -> Tensor:
        return _laid_out(torch.einsum("nij,njhw->nihw", matrix, pictures).clamp(-1, 1))

    return turned(source), turned(target)


def other_pen(source: Tensor, share: float) -> Tensor:
    """Dark lines on white float [N, C, H, W] in [-1, 1], `share` of them thicker, thinner or softer by about a pixel.

    Thickness comes from the minimum or maximum of a neighbourhood, mixed with the line as it was, so that it varies
    smoothly; the last of the four pens is a pencil, grey and soft.
    """
    count, device = len(source), source.device
    thick = -F.max_pool2d(-source, 3, 1, 1)
    thin = F.max_pool2d(source, (1, 2) if bool(torch.rand(()) < 0.5) else (2, 1), 1)
    thin = F.pad(thin, (0, source.shape[3] - thin.shape[3], 0, source.shape[2] - thin.shape[2]), mode="replicate")
    soft = F.avg_pool2d(source, 3, 1, 1, count_include_pad=False)
    amount = torch.rand(count, 1, 1, 1, device=device)
    pencil = 1 - (1 - soft) * (1 - 0.5 * amount)
    mixed = torch.stack([source + amount * (pen - source) for pen in (thick, thin, soft)] + [pencil])
    pen = torch.randint(4, (count,), device=device)
    changed = mixed[pen, torch.arange(count, device=device)]
    taken = torch.rand(count, 1, 1, 1, device=device) < share
    return _laid_out(torch.where(taken, changed, source))


def _laid_out(pictures: Tensor) -> Tensor:
    """As convolutions on CPUs like them."""
    return pictures.contiguous(memory_format=torch.channels_last)

"""What somebody without a model would do with a line drawing: fill its closed regions, each with a plausible colour.

The colour of a region is the mean of the training pictures inside closed regions of its kind, and the kind is how
large it is: eyes and buttons have other colours than faces and walls. Lines stay as they were, what is open to the edge
of the picture stays white.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

INK = 128
"""Grey level below which a pixel is a line."""
KINDS = (0.002, 0.01, 0.05, 1.0)
"""Largest share of the picture's pixels that a region of each kind has."""


def is_line_drawing(pictures: NDArray[np.uint8]) -> bool:
    """Whether pictures uint8 [N, H, W, C] are mostly white, with grey or black on it and hardly any colour."""
    sample = pictures[:200].astype(np.int16)
    return len(sample) > 0 and bool(np.ptp(sample, axis=3).mean() < 4 and (sample > 240).mean() > 0.6)


def closed_regions(drawing: NDArray[np.uint8]) -> tuple[NDArray[np.int32], int]:
    """Regions of uint8 [H, W, C] that lines enclose: numbers int32 [H, W] from 1, 0 for lines and what is open."""
    regions, count = ndimage.label(drawing.mean(axis=2) >= INK)
    edge = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    numbers = np.arange(count + 1)
    closed = ~np.isin(numbers, edge) & (numbers > 0)
    return (np.cumsum(closed) * closed).astype(np.int32)[regions], int(closed.sum())


class RegionFill:
    """Fills the closed regions of line drawings with the mean colours of a training set."""

    def __init__(self, drawings: NDArray[np.uint8], pictures: NDArray[np.uint8]) -> None:
        """Both uint8 [N, H, W, C], in pairs."""
        sums, pixels = np.zeros((len(KINDS), pictures.shape[3])), np.zeros(len(KINDS))
        for drawing, picture in zip(drawings, pictures, strict=True):
            regions, count = closed_regions(drawing)
            kinds = _kinds(regions, count)[regions]
            for kind in range(len(KINDS)):
                inside = (regions > 0) & (kinds == kind)
                sums[kind] += picture[inside].sum(axis=0)
                pixels[kind] += inside.sum()
        everywhere = sums.sum(axis=0) / max(pixels.sum(), 1)
        means = np.where(pixels[:, None] > 0, sums / np.maximum(pixels, 1)[:, None], everywhere)
        self.colours: NDArray[np.uint8] = means.round().astype(np.uint8)
        """uint8 [kinds, C]."""

    def __call__(self, drawings: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Drawings uint8 [N, H, W, C], filled; soft edges of lines stay soft."""
        filled = drawings.copy()
        for drawing, into in zip(drawings, filled, strict=True):
            regions, count = closed_regions(drawing)
            colours = self.colours[_kinds(regions, count)][regions]
            tinted = drawing.astype(np.uint16) * colours // 255
            into[regions > 0] = tinted[regions > 0]
        return filled


def _kinds(regions: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Kind of each region by its number, int64 [count + 1]; that of 0 means nothing."""
    shares = np.bincount(regions.ravel(), minlength=count + 1) / regions.size
    return np.searchsorted(np.array(KINDS[:-1]), shares)

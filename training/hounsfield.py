"""How the grey levels of a CT slice stand for Hounsfield units (HU): a window that loses neither air nor bone.

Levels 16 to 239 are the window of soft tissue, level 40 and width 400, with 1.8 HU a step. Air below it and bone above
it have 16 levels each, which is coarse for the eye and enough for an X-ray beam: the skull is what stops most of the
photons, and a picture cut off at the window's edge would have none. It looks like any picture of that window.
"""

import numpy as np
from numpy.typing import NDArray

from training.metrics import psnr, ssim

HOUNSFIELD = (-1000.0, -160.0, 240.0, 1840.0)
"""Of the levels in LEVELS; straight lines between them, and nothing beyond the ends."""
LEVELS = (0.0, 16.0, 239.0, 255.0)


def to_levels(hounsfield: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Grey levels of HU."""
    levels: NDArray[np.uint8] = np.interp(hounsfield, HOUNSFIELD, LEVELS).round().astype(np.uint8)
    return levels


def in_window(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Slices of any shape as the window of soft tissue alone shows them: its edges are 0 and 255."""
    low, high = LEVELS[1:3]
    shown: NDArray[np.uint8] = ((levels.clip(low, high) - low) * (255 / (high - low))).round().astype(np.uint8)
    return shown


def window_metrics(
    noisy: NDArray[np.uint8], restored: NDArray[np.uint8], full: NDArray[np.uint8], halvings: int
) -> dict[str, float]:
    """PSNR (dB) and structural similarity of slices uint8 [N, H, W, 1] to those of the full dose, in the window: of
    restored ones, and as `noisy_` of those that were scanned with the dose halved so often.
    """
    noisy, restored, full = (in_window(each) for each in (noisy, restored, full))
    return {
        f"{prefix}{measure.__name__}_halvings_{halvings}": measure(given, full)
        for prefix, given in (("", restored), ("noisy_", noisy))
        for measure in (psnr, ssim)
    }

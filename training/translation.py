"""How good translations are, measured beside what costs nothing: the source as it is, and a fill by mean colours.

Pixels (PSNR, mean absolute error) reward the cautious answer where several are right; features (perceptual distance,
kernel distance) reward the answer that looks like one of the targets. Both are given, and none of them was trained on.
"""

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import ImageData, Split
from training.instruments import instrument_for
from training.line_drawings import RegionFill, is_line_drawing
from training.metrics import kernel_distance, psnr
from training.perceptual import perceptual_distance


def translation_metrics(translated: NDArray[np.uint8], split: Split, data: ImageData) -> dict[str, float]:
    """Metrics of translations uint8 [N, H, W, C] of the sources of `split`, and under `source_` and `fill_` those of
    the sources themselves and, for line drawings, of `RegionFill`.

    Distances in features are given where colour pictures have an instrument, and enough of them are there.
    """
    assert split.sources is not None
    found = _compare(translated, split, data)
    found |= _named("source", _compare(split.sources, split, data))
    if is_line_drawing(split.sources) and data.train.sources is not None and len(data.train):
        filled = RegionFill(data.train.sources, data.train.images)(split.sources)
        found |= _named("fill", _compare(filled, split, data))
    return found


def _compare(pictures: NDArray[np.uint8], split: Split, data: ImageData) -> dict[str, float]:
    targets = split.images
    found = {"psnr": psnr(pictures, targets), "l1": float(np.abs(pictures.astype(np.int16) - targets).mean())}
    instrument = instrument_for(data, len(targets))
    if instrument is not None and instrument.kernel:
        found["perceptual_distance"] = perceptual_distance(pictures, targets)
        ours, theirs = instrument.features(pictures), instrument.features(targets)
        found["translation_kernel"], found["translation_kernel_error"] = kernel_distance(ours, theirs)
    return found


def _named(baseline: str, found: dict[str, float]) -> dict[str, float]:
    return {f"{baseline}_{name}": value for name, value in found.items() if not name.endswith("_error")}

"""How good translations are, measured beside what costs nothing: the source as it is, and a fill by mean colours.

Of pairs, pixels (PSNR, mean absolute error) reward the cautious answer where several are right; features (perceptual,
Fréchet and kernel distance) reward the answer that looks like one of the targets. Both are given. Without pairs to
learn from, a translation should look like pictures of the other kind (Fréchet and kernel distance) and still show what
its source shows: where held-out pictures do have partners, it should be nearest to its own (retrieval). Nothing here
was trained on.

A Fréchet distance of few pictures is far from that of many, and from zero for other real ones: most of it is that they
show other things. So it is for comparing what was made of the same sources.
"""

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import ImageData, Split
from training.instruments import instrument_for
from training.line_drawings import RegionFill, is_line_drawing
from training.metrics import frechet_distance, kernel_distance, psnr
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


def unpaired_metrics(
    translated: NDArray[np.uint8],
    sources: NDArray[np.uint8],
    wanted: NDArray[np.uint8],
    learned: NDArray[np.uint8],
    data: ImageData,
    aligned: bool,
) -> dict[str, float]:
    """Metrics of translations uint8 [N, H, W, C] of `sources` to the kind of `wanted` uint8 [M, H, W, C], under
    `source_` those of the sources themselves, and under `real_` those of N real pictures, drawn from `learned`: the
    training pictures of the wanted kind. aligned: whether wanted[i] shows what sources[i] shows.

    None where colour pictures have no instrument, or too few are there.
    """
    instrument = instrument_for(data, min(len(sources), len(wanted)))
    if instrument is None or not instrument.kernel:
        return {}
    theirs = instrument.features(wanted)

    def looks(pictures: NDArray[np.uint8]) -> dict[str, float]:
        ours = instrument.features(pictures)
        return _apart(ours, theirs) | ({"retrieval": retrieval(ours, theirs)} if aligned else {})

    found = looks(translated) | _named("source", looks(sources))
    if len(learned) >= len(sources):
        drawn = np.random.default_rng(0).choice(len(learned), len(sources), replace=False)
        real = looks(learned[np.sort(drawn)])
        real.pop("retrieval", None)  # other pictures, with no partner here
        found |= _named("real", real)
    return found


def retrieval(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Share of rows of features float64 [N, D] whose nearest in `second` [N, D] by angle is their own partner."""
    ours, theirs = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first, second))
    return float(((ours @ theirs.T).argmax(axis=1) == np.arange(len(ours))).mean())


def _compare(pictures: NDArray[np.uint8], split: Split, data: ImageData) -> dict[str, float]:
    targets = split.images
    found = {"psnr": psnr(pictures, targets), "l1": float(np.abs(pictures.astype(np.int16) - targets).mean())}
    instrument = instrument_for(data, len(targets))
    if instrument is not None and instrument.kernel:
        found["perceptual_distance"] = perceptual_distance(pictures, targets)
        found |= _apart(instrument.features(pictures), instrument.features(targets))
    return found


def _apart(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> dict[str, float]:
    """How far the features of translations float64 [N, D] and of real pictures [M, D] are from each other."""
    kernel, error = kernel_distance(ours, theirs)
    return {
        "translation_frechet": frechet_distance(ours, theirs),
        "translation_kernel": kernel,
        "translation_kernel_error": error,
    }


def _named(baseline: str, found: dict[str, float]) -> dict[str, float]:
    return {f"{baseline}_{name}": value for name, value in found.items() if not name.endswith("_error")}

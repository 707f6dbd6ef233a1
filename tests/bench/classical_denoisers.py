"""The peers' side of `denoise_baselines`: BM3D, non-local means and total variation, each at its best setting.

Runs in an environment of its own that has bm3d and scikit-image; `denoise_baselines` makes that environment and starts
this file. BM3D is free for non-commercial use only, which is one more reason why it stays there.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from bm3d import bm3d, bm3d_rgb
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

Picture = NDArray[np.float64]
"""float64 [H, W] or, in colour, [H, W, 3], in [0, 1]."""


def non_local_means(noisy: Picture, sigma: float, setting: tuple[float, int]) -> Picture:
    strength, patch = setting
    clean: Picture = denoise_nl_means(
        noisy,
        patch_size=patch,
        patch_distance=9,
        h=strength * sigma,
        sigma=sigma,
        fast_mode=False,
        channel_axis=channels(noisy),
    )
    return clean


def total_variation(noisy: Picture, sigma: float, setting: float) -> Picture:
    clean: Picture = denoise_tv_chambolle(noisy, weight=setting * sigma, channel_axis=channels(noisy))
    return clean


def block_matching(noisy: Picture, sigma: float, setting: float) -> Picture:
    """BM3D, in colour CBM3D (Dabov et al., 2007)."""
    clean: Picture = (bm3d if noisy.ndim == 2 else bm3d_rgb)(noisy, setting * sigma)
    return clean


def channels(picture: Picture) -> int | None:
    """The axis of its colours."""
    return None if picture.ndim == 2 else 2


METHODS: dict[str, tuple[Callable[..., Picture], Sequence[object]]] = {
    "BM3D": (block_matching, (0.6, 0.7, 0.8, 0.9, 1.0)),
    "non-local means": (non_local_means, [(h, patch) for h in (0.6, 0.8, 1.0, 1.2, 1.5) for patch in (3, 5)]),
    "total variation": (total_variation, (0.2, 0.3, 0.4, 0.6, 0.8)),
}
"""Name -> function and the settings to choose from. All are told the noise level, which ours is not."""


def psnr(found: Picture, clean: Picture) -> float:
    """dB, after rounding to grey levels as a file would hold it."""
    grey = (found * 255).round().clip(0, 255) / 255
    return float(-10 * np.log10(max(np.square(grey - clean).mean(), 1e-12)))


def main(folder: Path) -> None:
    """Read `pictures.npz` and write `peers.npz`: for each method and level the PSNR of each test picture."""
    given = {name: array.astype(np.float64) / 255 for name, array in np.load(folder / "pictures.npz").items()}
    levels = sorted(int(name.rpartition("_")[2]) for name in given if name.startswith("test_noisy"))
    found: dict[str, NDArray[np.float64]] = {}
    for method, (denoise, settings) in METHODS.items():
        for level in levels:
            began = time.monotonic()

            def scores(split: str, setting: object, denoise: object = denoise, level: int = level) -> list[float]:
                pairs = zip(given[f"{split}_noisy_{level}"], given[f"{split}_clean"], strict=True)
                return [psnr(denoise(noisy, level / 255, setting), clean) for noisy, clean in pairs]  # type: ignore[operator]

            best = max(settings, key=lambda setting: np.mean(scores("val", setting)))
            found[f"{method}/{level}"] = np.array(scores("test", best))
            print(
                f"{method}, sigma {level}: {found[f'{method}/{level}'].mean():.2f} dB at {best}, "
                f"{time.monotonic() - began:.0f} s",
                flush=True,
            )
    np.savez(folder / "peers.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

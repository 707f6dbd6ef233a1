"""The peers' side of `restore_baselines`: classical methods, each at the setting that is best on validation pictures.

Runs in an environment of its own that has bm3d and scikit-image; `restore_baselines` makes that environment and starts
this file. BM3D is free for non-commercial use only, which is one more reason why it stays there.
"""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from bm3d import bm3d, bm3d_rgb
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from skimage.color import hsv2rgb, rgb2hsv
from skimage.exposure import equalize_adapthist, equalize_hist
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

Picture = NDArray[np.float64]
"""float64 [H, W, C] in [0, 1]."""
Method = Callable[..., Picture]
"""Picture, level of its damage, setting -> restored."""


def non_local_means(noisy: Picture, sigma: float, setting: tuple[float, int]) -> Picture:
    strength, patch = setting
    sigma /= 255
    grey = noisy.shape[2] == 1  # which scikit-image would give back without its third axis, and stumble over
    clean: Picture = denoise_nl_means(
        noisy[..., 0] if grey else noisy,
        patch_size=patch,
        patch_distance=9,
        h=strength * sigma,
        sigma=sigma,
        fast_mode=False,
        channel_axis=None if grey else 2,
    )
    return clean.reshape(noisy.shape)


def total_variation(noisy: Picture, sigma: float, setting: float) -> Picture:
    clean: Picture = denoise_tv_chambolle(noisy, weight=setting * sigma / 255, channel_axis=2)
    return clean


def block_matching(noisy: Picture, sigma: float, setting: float) -> Picture:
    """BM3D, in colour CBM3D (Dabov et al., 2007)."""
    grey = noisy.shape[2] == 1
    clean: Picture = (bm3d if grey else bm3d_rgb)(noisy[..., 0] if grey else noisy, setting * sigma / 255)
    return clean.reshape(noisy.shape)


def gamma(dark: Picture, stops: float, setting: float) -> Picture:
    bright: Picture = dark**setting
    return bright


def adaptive_equalisation(dark: Picture, stops: float, setting: float) -> Picture:
    return on_lightness(dark, lambda lightness: equalize_adapthist(lightness, clip_limit=setting))


def equalisation(dark: Picture, stops: float, setting: None) -> Picture:
    return on_lightness(dark, equalize_hist)


def on_lightness(dark: Picture, change: Callable[[Picture], Picture]) -> Picture:
    hsv = rgb2hsv(dark)
    hsv[..., 2] = change(hsv[..., 2])
    bright: Picture = hsv2rgb(hsv)
    return bright


def found_exposure(dark: Picture, stops: float, setting: tuple[float, float]) -> Picture:
    """Light multiplied until its mean is what the setting says, then BM3D."""
    mean, strength = setting
    return exposed(dark, mean / max(float(to_linear(dark).mean()), 1e-4), strength)


def white_patch(dark: Picture, stops: float, setting: float) -> Picture:
    """Light multiplied until the brightest square of 4 px is what the setting says (Land and McCann, 1971)."""
    bright: Picture = to_srgb((to_linear(dark) * whitening(dark, setting)).clip(0, 1))
    return bright


def clean_white_patch(dark: Picture, stops: float, setting: tuple[float, float]) -> Picture:
    """The same, then BM3D."""
    brightest, strength = setting
    return exposed(dark, whitening(dark, brightest), strength)


def whitening(dark: Picture, brightest: float) -> float:
    height, width, channels = dark.shape
    squares = to_linear(dark[: height // 4 * 4, : width // 4 * 4]).reshape(height // 4, 4, width // 4, 4, channels)
    return brightest / max(float(squares.mean(axis=(1, 3)).max()), 1e-4)


def told_exposure(dark: Picture, stops: float, setting: float) -> Picture:
    """Light multiplied by exactly what was taken, then BM3D: more than a user could know."""
    return exposed(dark, 2.0**stops, setting)


def exposed(dark: Picture, gain: float, strength: float) -> Picture:
    bright = to_srgb((to_linear(dark) * gain).clip(0, 1))
    return block_matching(bright, max(strength * estimated_noise(bright), 0.5), 1.0)


def estimated_noise(image: Picture) -> float:
    """Standard deviation in grey levels, from what a Laplacian leaves of edges (Immerkær, 1996)."""
    across = image[:, :-2] - 2 * image[:, 1:-1] + image[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(255 * np.sqrt(np.pi / 2) * np.abs(both).mean() / 6)


def ct_non_local_means(noisy: Picture, halvings: float, setting: tuple[float, int]) -> Picture:
    return non_local_means(noisy, dose_noise(halvings), setting)


def ct_total_variation(noisy: Picture, halvings: float, setting: float) -> Picture:
    return total_variation(noisy, dose_noise(halvings), setting)


def ct_block_matching(noisy: Picture, halvings: float, setting: float) -> Picture:
    return block_matching(noisy, dose_noise(halvings), setting)


def ct_spectral_block_matching(noisy: Picture, halvings: float, setting: float) -> Picture:
    """BM3D for noise that is not white (Mäkinen et al., 2020): told its spectrum too."""
    np.trapz = np.trapezoid  # type: ignore[attr-defined]  # which bm4d 4.2 knows by its old name alone
    clean: Picture = bm3d(noisy[..., 0], SPECTRA[int(halvings)] * setting**2)
    return clean.reshape(noisy.shape)


def dose_noise(halvings: float) -> float:
    """Standard deviation, in grey levels, of what low-dose CT adds to brain: 3.95 HU at full dose."""
    return float(3.95 * 223 / 400 * 2 ** (halvings / 2))


SPECTRA: dict[int, NDArray[np.float64]] = {}
"""Level of the damage -> power spectrum of its noise, as `bm3d` takes it."""


def noise_spectrum(damaged: NDArray[np.uint8], clean: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What the noise in the middle of pictures has of each frequency: float64 [H, W], from uint8 [N, H, W, 1]."""
    noise = (damaged.astype(np.float64) - clean)[..., 0] / 255
    window = np.outer(*(np.hanning(side) for side in noise.shape[1:]))
    power = np.square(np.abs(np.fft.fft2(noise * window))).mean(axis=0) / np.square(window).mean()
    smooth: NDArray[np.float64] = uniform_filter(power, 5, mode="wrap")
    return smooth


def to_linear(srgb: Picture) -> Picture:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Picture) -> Picture:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


METHODS: dict[str, dict[str, tuple[Method, Sequence[object]]]] = {
    "sigma": {
        "BM3D": (block_matching, (0.6, 0.7, 0.8, 0.9, 1.0)),
        "non-local means": (non_local_means, list(product((0.6, 0.8, 1.0, 1.2, 1.5), (3, 5)))),
        "total variation": (total_variation, (0.2, 0.3, 0.4, 0.6, 0.8)),
    },
    "halvings": {
        "BM3D": (ct_block_matching, (0.85, 1.0, 1.15)),
        "BM3D, told the spectrum": (ct_spectral_block_matching, (0.7, 0.8, 0.9, 1.0)),
        "non-local means": (ct_non_local_means, list(product((0.6, 0.8, 1.0, 1.2), (5, 7)))),
        "total variation": (ct_total_variation, (0.4, 0.5, 0.6, 0.7, 0.8)),
    },
    "stops": {
        "gamma": (gamma, (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)),
        "CLAHE": (adaptive_equalisation, (0.005, 0.01, 0.02, 0.05, 0.1)),
        "histogram equalisation": (equalisation, (None,)),
        "auto-exposure + BM3D": (found_exposure, list(product((0.12, 0.18, 0.25), (0.7, 1.0, 1.4)))),
        "white patch": (white_patch, (0.5, 0.6, 0.7, 0.85, 1.0)),
        "white patch + BM3D": (clean_white_patch, list(product((0.6, 0.8, 1.0), (0.7, 1.0, 1.4)))),
        "told exposure + BM3D": (told_exposure, (0.7, 1.0, 1.4)),
    },
}
"""Unit of the damage -> name -> function, and the settings to choose from."""


WINDOWS = {"halvings": (16, 239)}
"""Grey levels that are compared, where these are not all: of CT, the window of soft tissue."""


def restored(method: Method, images: NDArray[np.uint8], level: int, setting: object) -> NDArray[np.uint8]:
    """uint8 [N, H, W, C], rounded to grey levels as a file would hold it."""
    made = [method(image.astype(np.float64) / 255, float(level), setting) for image in images]
    return (np.stack(made) * 255).round().clip(0, 255).astype(np.uint8)


def psnr(found: NDArray[np.uint8], clean: NDArray[np.uint8], window: tuple[int, int] = (0, 255)) -> float:
    """Mean over pictures, in dB, of the levels in the window, which is what full scale is."""
    low, high = window
    error = np.square(found.clip(low, high).astype(np.float64) - clean.clip(low, high)).mean(axis=(1, 2, 3))
    return float((10 * np.log10((high - low) ** 2 / np.maximum(error, 1e-9))).mean())


def main(folder: Path, unit: str, *names: str) -> None:
    """Read `pictures.npz` and write `peers.npz`: what each method, or those named, made of the test pictures."""
    if unknown := set(names) - METHODS[unit].keys():
        sys.exit(f"No method {', '.join(sorted(unknown))}; there are {', '.join(METHODS[unit])}.")
    given = dict(np.load(folder / "pictures.npz"))
    levels = sorted(int(name.removeprefix("val_")) for name in given if name.startswith("val_") and name != "val_clean")
    found: dict[str, NDArray[np.uint8]] = {}
    if unit == "halvings":
        SPECTRA.update({level: noise_spectrum(given[f"val_{level}"], given["val_clean"]) for level in levels})
    compared = WINDOWS.get(unit, (0, 255))
    for name in names or METHODS[unit]:
        method, settings = METHODS[unit][name]
        for level in levels:
            began = time.monotonic()
            scores = [
                psnr(restored(method, given[f"val_{level}"], level, setting), given["val_clean"], compared)
                for setting in settings
            ]
            best = settings[int(np.argmax(scores))]
            found[f"{name}/{level}"] = restored(method, given[f"test_{level}"], level, best)
            score, seconds = psnr(found[f"{name}/{level}"], given["test_clean"], compared), time.monotonic() - began
            print(f"{name}, {unit} {level}: {score:.2f} dB at {best}, {seconds:.0f} s", flush=True)
    np.savez(folder / "peers.npz", **found)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])

"""Damage that restoring models undo, done to a clean picture as training did it (``training.damage``), in numpy.

One entry of :data:`KINDS` for each ``kind`` of the contract's ``Damage``: what it does, how a page asks for it, and
what a user would reach for instead of a model. The classical methods are scikit-image's, an optional dependency.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hub.dicom import Tone
from hub.tasks import tomography

WHITE, READ_NOISE = 4000.0, 4.0
"""The sensor: electrons at white where the exposure is right, and the standard deviation that reading adds."""
MIDDLE_GREY = 0.18
"""What an automatic exposure makes the mean of, in linear light."""
NEAR_WHITE = 0.85
"""What the white patch makes the brightest place of: the best of 0.5 to 1 on validation photographs."""
SLICE_NOISE = 2.2
"""Standard deviation in grey levels of what CT at full dose adds to brain, at 128 pixels a side: 3.95 HU."""

Baseline = Callable[[np.ndarray, float], np.ndarray]
"""Picture uint8 [H, W, C] and level of its damage -> restored, the same."""


@dataclass(frozen=True)
class Kind:
    """A kind of damage."""

    apply: Callable[[np.ndarray, float, np.random.RandomState], np.ndarray]
    """Pixels uint8 [H, W, C], level, randomness -> damaged, the same."""
    called: str
    """What a level of it is, with the article, as sentences say it."""
    info: str
    """What the slider says."""
    start: float
    """Where the slider begins."""
    step: float
    done: Callable[[float], str]
    """Level -> what has been done."""
    baselines: Mapping[str, tuple[Baseline, str]]
    """Name -> method, and what it knows that the model does not."""
    whole: int | None = None
    """Pixels a side at most of pictures that are damaged whole; ``None``: any number, in parts."""
    compared: Callable[[np.ndarray], np.ndarray] = lambda pixels: pixels
    """What of a picture is compared with the truth, uint8 [H, W, C]."""
    compared_as: str = ""
    """What that is, as the end of a sentence."""
    amount: str = ""
    """What the slider says by which a model is told how much of it there is."""
    otherwise: str = "Told of more, it smooths more; of less, it keeps more grain"
    """What becomes of a model that is told something else than the truth."""
    finest: float | None = None
    """Steps of that slider; ``None``: ``step``."""
    found: Callable[[float], str] = lambda level: f"{level:.3g} found by the model"
    """What a meter has read -> that, in words."""
    estimated: Callable[[np.ndarray], float] | None = None
    """About how much of it is in a picture uint8 [H, W, C], where that can be seen."""
    brightens: bool = False
    """Whether undoing it means to guess how bright the picture should be."""
    tone: Tone | None = None
    """For CT slices: how the model has them. Such pictures are grey, and nothing to diagnose by."""


def gaussian_noise(pixels: np.ndarray, level: float, random: np.random.RandomState) -> np.ndarray:
    """Noise of standard deviation ``level`` added to every grey level, then clipped to [0, 255] and rounded."""
    noisy: np.ndarray = np.rint(pixels + level * random.standard_normal(pixels.shape)).clip(0, 255).astype(np.uint8)
    return noisy


def low_light(pixels: np.ndarray, level: float, random: np.random.RandomState) -> np.ndarray:
    """As if exposed too short by ``level`` stops: few photons, whose number is Poisson's, and the noise of reading."""
    electrons = to_linear(pixels / 255) * WHITE * 2.0**-level
    caught = random.poisson(electrons) + READ_NOISE * random.standard_normal(pixels.shape)
    return _levels(to_srgb((caught / WHITE).clip(0, 1)))


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """Bring sRGB in [0, 1] to linear light in [0, 1] (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Bring linear light in [0, 1] to sRGB in [0, 1]."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


# ── What one would reach for instead ─────────────────────────────────────────────────────────────────────────────────


def non_local_means(image: np.ndarray, level: float, strength: float = 0.6) -> np.ndarray:
    """Buades et al. (2005). ``strength``, of the noise: 0.6 is the best of 0.6 to 1 on photographs and clothes."""
    from skimage.restoration import denoise_nl_means

    unit = level / 255
    grey = image.shape[2] == 1  # which scikit-image gives back without its third axis
    made = denoise_nl_means(
        (image[..., 0] if grey else image) / np.float32(255),
        patch_size=5,
        patch_distance=6,
        h=strength * unit,
        sigma=unit,
        channel_axis=None if grey else 2,
    )
    return _levels(made.reshape(image.shape))


def total_variation(image: np.ndarray, level: float) -> np.ndarray:
    """Rudin, Osher and Fatemi (1992), by Chambolle's method (2004). The weight is 0.6 of the noise, found likewise."""
    from skimage.restoration import denoise_tv_chambolle

    return _levels(denoise_tv_chambolle(image / np.float32(255), weight=0.6 * level / 255, channel_axis=2))


def slice_means(image: np.ndarray, level: float) -> np.ndarray:
    """Non-local means, told the noise in brain at that dose; the strength is the best of 0.4 to 1.4 on slices."""
    return non_local_means(image, SLICE_NOISE * 2 ** (level / 2), strength=1.0)


def slice_variation(image: np.ndarray, level: float) -> np.ndarray:
    """Total variation, told the same; its weight, as above, is the best on slices too."""
    return total_variation(image, SLICE_NOISE * 2 ** (level / 2))


def equalised(image: np.ndarray, level: float) -> np.ndarray:
    """Contrast-limited adaptive histogram equalisation (CLAHE: Zuiderveld, 1994) of the lightness."""
    from skimage.color import hsv2rgb, rgb2hsv
    from skimage.exposure import equalize_adapthist

    if image.shape[2] == 1:
        return _levels(equalize_adapthist(image[..., 0], clip_limit=0.02)[..., None])
    hsv = rgb2hsv(image)
    hsv[..., 2] = equalize_adapthist(hsv[..., 2], clip_limit=0.02)
    return _levels(hsv2rgb(hsv))


def auto_exposure(image: np.ndarray, level: float) -> np.ndarray:
    """Light multiplied until its mean is middle grey, then non-local means at the noise that it has by estimate."""
    light = to_linear(image / 255)
    return _exposed(light, MIDDLE_GREY / max(light.mean(), 1e-4))


def white_patch(image: np.ndarray, level: float) -> np.ndarray:
    """Light multiplied until the brightest place is nearly white (Land and McCann, 1971), then the same."""
    light = to_linear(image / 255)
    return _exposed(light, NEAR_WHITE / max(brightest(light), 1e-4))


def brightest(light: np.ndarray) -> float:
    """The largest mean of squares of 4 px, which hold little noise; of light float [H, W, C], in any channel."""
    from skimage.measure import block_reduce

    return float(block_reduce(light, (4, 4, 1), np.mean).max())


def _exposed(light: np.ndarray, gain: float) -> np.ndarray:
    bright = _levels(to_srgb((light * gain).clip(0, 1)))
    noise = estimated_noise(bright)
    return non_local_means(bright, noise) if noise > 0.5 else bright


def estimated_noise(image: np.ndarray) -> float:
    """Standard deviation of the noise in grey levels, from what a Laplacian leaves of edges (Immerkær, 1996)."""
    levels = image.astype(np.float64)
    across = levels[:, :-2] - 2 * levels[:, 1:-1] + levels[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(np.sqrt(np.pi / 2) * np.abs(both).mean() / 6)


def _levels(unit: np.ndarray) -> np.ndarray:
    levels: np.ndarray = (unit * 255).round().clip(0, 255).astype(np.uint8)
    return levels


KINDS: dict[str, Kind] = {
    "gaussian noise": Kind(
        gaussian_noise,
        called="The noise",
        info="Noise to add first, in grey levels; 0 leaves the picture as it is",
        start=25,
        step=1,
        done=lambda level: f"noise {level:g} added",
        baselines={
            "Non-local means": (non_local_means, "told the noise"),
            "Total variation": (total_variation, "told the noise"),
        },
        amount="Noise in the picture, in grey levels",
        estimated=estimated_noise,
    ),
    "low light": Kind(
        low_light,
        called="The exposure taken away",
        info="Exposure to take away first, in stops; 0 leaves the picture as it is",
        start=3,
        step=0.5,
        done=lambda level: f"{level:g} stops of exposure taken away",
        baselines={
            "CLAHE": (equalised, "local contrast"),
            "Auto-exposure": (auto_exposure, "then non-local means"),
            "White patch": (white_patch, "brightest to white, then the same"),
        },
        amount="Stops that the picture is short",
        otherwise="Told of more, it brightens more",
        finest=0.1,
        found=lambda level: f"{level:.1f} stops too dark, as the model reads it",
        brightens=True,
    ),
    "low-dose CT": Kind(
        tomography.low_dose,
        called="The dose taken away",
        info="Times to halve the dose first; 0 leaves the slice as it is",
        start=6,
        step=0.5,
        done=lambda level: f"dose halved {level:g} times: {tomography.PHOTONS / 2**level:,.0f} photons a detector bin",
        baselines={
            "Non-local means": (slice_means, "told the noise"),
            "Total variation": (slice_variation, "told the noise"),
        },
        amount="Times the dose was halved",
        whole=tomography.LARGEST,
        compared=tomography.in_window,
        compared_as=f" inside the window of soft tissue ({tomography.WINDOW})",
        tone=tomography.to_levels,
    ),
}

"""Low-dose CT as training has it (``training.tomography``), in numpy: what fewer photons would have made of a slice.

The picture is the full-dose slice. It is projected along parallel beams, photons arrive in numbers that are Poisson's,
and filtered back-projection carries what that changes back into the picture. Left out: scatter, beam hardening, the
noise of electronics. The picture is taken to show FIELD millimetres, its levels to be those of :func:`to_hounsfield`.
"""

import math
from collections.abc import Iterator

import numpy as np

HOUNSFIELD = (-1000.0, -160.0, 240.0, 1840.0)
"""Hounsfield units (HU) of the levels in LEVELS; straight lines between them, and nothing beyond the ends. The middle
part is the window of soft tissue; air and bone have a few levels each, so that the skull stops photons as a skull does.
"""
LEVELS = (0.0, 16.0, 239.0, 255.0)
WINDOW = "level 40, width 400"
FIELD, WATER = 245.0, 0.0193
"""Millimetres that the longer side shows; attenuation of water per millimetre, at 70 keV."""
PHOTONS, ANGLES = 3_200_000.0, 180
"""Photons that set out to each bin of the detector at full dose, and directions that they come from."""
LARGEST = 1024
"""Pixels a side at most: the time that it takes grows with the third power."""


def low_dose(pixels: np.ndarray, level: float, random: np.random.RandomState) -> np.ndarray:
    """A slice uint8 [H, W, 1] as if scanned with 2^-``level`` of PHOTONS and reconstructed."""
    hounsfield = to_hounsfield(pixels[..., 0])
    return to_levels(hounsfield + noise(hounsfield, PHOTONS * 2.0**-level, random))[..., None]


def noise(hounsfield: np.ndarray, photons: float, random: np.random.RandomState) -> np.ndarray:
    """What few photons add to a slice, in HU: [H, W]. ``photons``: that set out to each bin."""
    pixel = FIELD / max(hounsfield.shape)
    through = project(WATER * pixel * (1 + hounsfield / 1000).clip(min=0))
    arrived = random.poisson(photons * np.exp(-through))
    # A bin that nothing arrives at says that the way is as dense as one photon would have it.
    change = np.log(photons / arrived.clip(min=1)) - through
    added: np.ndarray = reconstruct(change, hounsfield.shape) * (1000 / (WATER * pixel))
    return added


def to_hounsfield(levels: np.ndarray) -> np.ndarray:
    """HU of grey levels."""
    hounsfield: np.ndarray = np.interp(levels, LEVELS, HOUNSFIELD)
    return hounsfield


def to_levels(hounsfield: np.ndarray) -> np.ndarray:
    """Grey levels of HU, uint8."""
    levels: np.ndarray = np.interp(hounsfield, HOUNSFIELD, LEVELS).round().astype(np.uint8)
    return levels


def in_window(levels: np.ndarray) -> np.ndarray:
    """Slices as the window of soft tissue alone shows them, uint8: its edges are 0 and 255."""
    low, high = LEVELS[1:3]
    shown: np.ndarray = ((levels.clip(low, high) - low) * (255 / (high - low))).round().astype(np.uint8)
    return shown


def project(image: np.ndarray) -> np.ndarray:
    """Sums of [H, W] along beams, in pixels' widths: [ANGLES, bins]; bins are a pixel wide.

    Each beam crosses every row (if it is steep, else every column) once, between two pixels (Joseph, 1982).
    """
    bins = _bins(image.shape)
    middle = (image.shape[0] // 2, image.shape[1] // 2)
    offset = np.arange(bins)[:, None] - bins // 2
    found = np.empty((ANGLES, bins))
    for at, (cosine, sine) in enumerate(_directions()):
        steep = abs(cosine) >= abs(sine)
        lines, (first, across) = (image, middle) if steep else (image.T, middle[::-1])
        step = np.arange(len(lines)) - first
        place = (offset + step * sine) / cosine if steep else (step * cosine - offset) / sine
        place = (place + across).clip(-1, lines.shape[1])  # beyond either edge there is one column of nothing
        left = np.floor(place).astype(np.int64)
        part = place - left
        edged = np.pad(lines, ((0, 0), (1, 2)))
        line = np.arange(len(lines))
        crossed = edged[line, left + 1] * (1 - part) + edged[line, left + 2] * part
        found[at] = crossed.sum(axis=1) / max(abs(cosine), abs(sine))
    return found


def reconstruct(projections: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Filtered back-projection by the plain ramp, [H, W]."""
    bins = projections.shape[1]
    ramp = _ramp(bins)
    filtered = np.fft.irfft(np.fft.rfft(projections, 2 * (len(ramp) - 1)) * ramp)[:, :bins]
    edged, at = np.pad(filtered, ((0, 0), (1, 1))), np.arange(-1, bins + 1) - bins // 2
    y, x = np.arange(shape[0])[:, None] - shape[0] // 2, np.arange(shape[1]) - shape[1] // 2
    found = np.zeros(shape)
    for (cosine, sine), each in zip(_directions(), edged, strict=True):
        found += np.interp(x * cosine - y * sine, at, each)
    return found * (np.pi / (2 * ANGLES))


def _bins(shape: tuple[int, ...]) -> int:
    return math.ceil(math.sqrt(2) * max(shape))


def _directions() -> Iterator[tuple[float, float]]:
    for angle in np.arange(ANGLES) * (np.pi / ANGLES):
        yield math.cos(angle), math.sin(angle)


def _ramp(bins: int) -> np.ndarray:
    """The ramp's spectrum for ``rfft``, from its band-limited form in space (Kak and Slaney): it keeps the mean."""
    length = max(64, 2 ** math.ceil(math.log2(2 * bins)))
    distance = np.minimum(np.arange(length), length - np.arange(length))
    odd = distance % 2 == 1
    kernel = np.zeros(length)
    kernel[odd] = -1 / (np.pi * distance[odd]) ** 2
    kernel[0] = 0.25
    spectrum: np.ndarray = 2 * np.fft.rfft(kernel).real
    return spectrum

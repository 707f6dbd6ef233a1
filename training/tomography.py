"""Low-dose CT: what a scanner makes of a slice with fewer photons, in torch, as matrices.

The picture is the full-dose slice: it has been reconstructed already. It is projected along parallel beams, photons
arrive in numbers that are Poisson's, and filtered back-projection carries what that has changed in the projections back
into the picture. Reconstruction is linear, so this is the reconstruction of the noisy projections, save that the
picture is not blurred by a second reconstruction: without noise it is exactly what it was, and no net is asked to undo
a blur. Left out: scatter, beam hardening, the noise of electronics, and how far the slice's own dose was from infinite.

A slice is an 8-bit picture of all Hounsfield units (`training.hounsfield`), so the skull stops photons as a skull does.
"""

import math
import warnings
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from torch import Tensor

from training.hounsfield import HOUNSFIELD, LEVELS

FIELD = 245.0
"""Millimetres that the longer side of a picture shows."""
WATER = 0.0193
"""Attenuation of water per millimetre, at 70 keV."""
PHOTONS = 3_200_000.0
"""Photons that set out to each bin of the detector at full dose; each level of damage halves them."""
ANGLES = 180
"""Directions that the beams come from, evenly over half a turn. A bin of the detector is as wide as a pixel."""
AT_ONCE = 16
"""Slices whose projections are in memory together."""


def low_dose(image: Tensor, level: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The slices as if scanned with 2^-level of PHOTONS, reconstructed, and stored in whole grey levels.

    image: float [N, C, H, W] in [-1, 1]; each channel is a slice of its own. level: float [N], halvings of the dose.
    """
    hounsfield = to_hounsfield((image + 1) * 127.5).flatten(0, 1)
    photons = PHOTONS * torch.exp2(-level).repeat_interleave(image.shape[1])
    parts = [slice(at, at + AT_ONCE) for at in range(0, len(photons), AT_ONCE)]
    noisy = torch.cat([hounsfield[part] + noise(hounsfield[part], photons[part], generator) for part in parts])
    return to_levels(noisy).round().reshape(image.shape) / 127.5 - 1


def noise(hounsfield: Tensor, photons: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """What few photons add to slices, in HU: float [N, H, W]. photons: float [N], that set out to each bin."""
    scanner = scanner_of(*hounsfield.shape[1:], hounsfield.device)
    pixel = FIELD / max(hounsfield.shape[1:])
    through = scanner.project(WATER * pixel * (1 + hounsfield / 1000).clamp(min=0))
    sent = photons[:, None, None]
    arrived = torch.poisson(sent * torch.exp(-through), generator)
    # A bin that nothing arrives at says that the way is as dense as one photon would have it.
    change = torch.log(sent / arrived.clamp(min=1)) - through
    return scanner.reconstruct(change) * (1000 / (WATER * pixel))


def to_hounsfield(levels: Tensor) -> Tensor:
    """HU of grey levels."""
    return _along(levels, LEVELS, HOUNSFIELD)


def to_levels(hounsfield: Tensor) -> Tensor:
    """Grey levels in [0, 255], not rounded, of HU."""
    return _along(hounsfield, HOUNSFIELD, LEVELS)


def _along(values: Tensor, here: tuple[float, ...], there: tuple[float, ...]) -> Tensor:
    """From one to the other along straight lines between these points; what is beyond the ends is brought to them."""
    result = torch.full_like(values, there[0])
    for low, high, start, end in zip(here, here[1:], there, there[1:], strict=False):
        result += (values.clamp(low, high) - low) * ((end - start) / (high - low))
    return result


class Scanner:
    """Parallel beams through pictures of one size. Projections are float [N, ANGLES, bins].

    As in scikit-image, a beam at angle a and bin t is the line x cos a - y sin a = t, from the middle of the picture.
    """

    def __init__(self, height: int, width: int, device: torch.device) -> None:
        self.size = (height, width)
        self.bins = math.ceil(math.sqrt(2) * max(height, width))
        forward = [_beams(angle, height, width, self.bins) for angle in _angles()]
        self._forward = _stacked(forward, (ANGLES * self.bins, height * width), device)
        backward = [_shadows(angle, height, width, self.bins) for angle in _angles()]
        self._backward = _stacked(backward, (ANGLES * self.bins, height * width), device, transposed=True)
        self._ramp = _ramp(self.bins).to(device)

    def project(self, images: Tensor) -> Tensor:
        """Sums of images float [N, H, W] along the beams, in pixels' widths."""
        found: Tensor = self._forward @ images.flatten(1).T
        return found.T.reshape(len(images), ANGLES, self.bins)

    def reconstruct(self, projections: Tensor) -> Tensor:
        """Filtered back-projection by the plain ramp: float [N, H, W]."""
        spectrum = torch.fft.rfft(projections, 2 * (len(self._ramp) - 1)) * self._ramp
        filtered = torch.fft.irfft(spectrum)[..., : self.bins]
        found: Tensor = self._backward @ filtered.reshape(len(projections), -1).T
        return found.T.reshape(len(projections), *self.size) * (math.pi / (2 * ANGLES))


@lru_cache(maxsize=2)
def scanner_of(height: int, width: int, device: torch.device) -> Scanner:
    """The scanner for pictures of this size: of 128 pixels, 100 MB and a second."""
    return Scanner(height, width, device)


Entries = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.floating]]
"""Bin, pixel, weight of one direction."""


def _angles() -> list[float]:
    return [at * math.pi / ANGLES for at in range(ANGLES)]


def _beams(angle: float, height: int, width: int, bins: int) -> Entries:
    """Each beam crosses every row (if it is steep, else every column) once, between two pixels (Joseph, 1982)."""
    cosine, sine = math.cos(angle), math.sin(angle)
    steep = abs(cosine) >= abs(sine)
    lines, across = (height, width) if steep else (width, height)
    line, number = np.meshgrid(np.arange(lines), np.arange(bins))
    offset, step = number - bins // 2, line - lines // 2
    place = (offset + step * sine) / cosine if steep else (step * cosine - offset) / sine
    place = place + across // 2
    left = np.floor(place).astype(np.int64)
    length = 1 / max(abs(cosine), abs(sine))
    found = []
    for beside, weight in ((left, left + 1 - place), (left + 1, place - left)):
        inside = (beside >= 0) & (beside < across)
        rows, columns = (line, beside) if steep else (beside, line)
        found.append((number[inside], (rows * width + columns)[inside], weight[inside] * length))
    return _joined(found)


def _shadows(angle: float, height: int, width: int, bins: int) -> Entries:
    """Each pixel is given what its middle's shadow falls on: between two bins."""
    y, x = np.mgrid[:height, :width]
    shadow = ((x - width // 2) * math.cos(angle) - (y - height // 2) * math.sin(angle) + bins // 2).ravel()
    left = np.floor(shadow).astype(np.int64)
    pixel = np.arange(height * width)
    found = []
    for beside, weight in ((left, left + 1 - shadow), (left + 1, shadow - left)):
        inside = (beside >= 0) & (beside < bins)
        found.append((beside[inside], pixel[inside], weight[inside]))
    return _joined(found)


def _joined(parts: list[Entries]) -> Entries:
    number, pixel, weight = (np.concatenate(each) for each in zip(*parts, strict=True))
    return number, pixel, weight


def _stacked(parts: list[Entries], shape: tuple[int, int], device: torch.device, transposed: bool = False) -> Tensor:
    """One sparse matrix of all directions, from pixels to projections or, transposed, back."""
    bins = shape[0] // len(parts)
    number, pixel, weight = _joined([(each[0] + at * bins, *each[1:]) for at, each in enumerate(parts)])
    rows, columns = (pixel, number) if transposed else (number, pixel)
    size = shape[::-1] if transposed else shape
    matrix = coo_array((weight.astype(np.float32), (rows, columns)), size).tocsr()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")  # of products it has enough
        found = torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data),
            size,
            check_invariants=False,
        )
        return found.to(device)


def _ramp(bins: int) -> Tensor:
    """The ramp's spectrum for `rfft`, from its band-limited form in space (Kak and Slaney): it keeps the mean."""
    length = max(64, 2 ** math.ceil(math.log2(2 * bins)))
    distance = np.minimum(np.arange(length), length - np.arange(length))
    odd = distance % 2 == 1
    kernel = np.zeros(length)
    kernel[odd] = -1 / (np.pi * distance[odd]) ** 2
    kernel[0] = 0.25
    return torch.from_numpy(2 * np.fft.rfft(kernel).real.astype(np.float32))

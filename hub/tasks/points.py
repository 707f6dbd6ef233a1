"""Encoded pictures of the data on the map of a plane: where each lies, and of which class it is."""

import zipfile
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from hub.card import listed_file
from hub.contract import POINTS
from hub.runtime.engine import Model

MOST = 10_000
LARGEST = 1_000_000
"""Bytes of ``points.npz`` unpacked: a bundle of somebody else's must not unpack to gigabytes."""


@dataclass(frozen=True)
class Placed:
    """Points on a map whose sides are 1, counted from its upper left corner."""

    right: np.ndarray
    """float64 [N] in [0, 1]."""
    down: np.ndarray
    """float64 [N] in [0, 1]."""
    label: np.ndarray
    """int64 [N]."""
    classes: tuple[str, ...]
    shows: str
    """Which pictures they are."""


def placed(model: Model) -> Placed | None:
    """The points that the bundle of ``model`` brings; ``None`` where it brings none, or damaged ones."""
    about = model.bundle.points
    path = listed_file(model.bundle, model.folder, POINTS) if about else None
    if about is None or path is None:
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                return None
        with np.load(path, allow_pickle=False) as arrays:
            noise, label = arrays["noise"].astype(np.float64), arrays["label"].astype(np.int64)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    if noise.ndim != 2 or noise.shape[1] != 2 or label.shape != (len(noise),) or len(noise) > MOST:
        return None
    if not np.isfinite(noise).all() or not ((label >= 0) & (label < len(about.classes))).all():
        return None
    shares = np.vectorize(NormalDist().cdf, otypes=[np.float64])(noise)
    return Placed(shares[:, 0], 1 - shares[:, 1], label, about.classes, about.shows)

"""The pictures on the card, made by the exported fp32 graphs themselves: what a user will get, not selected."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from export.inputs import Inputs
from export.parity import Run
from export.trained import Trained
from hub.contract import TASKS, Graph
from hub.images import enlarge, grid
from hub.signatures import UNKNOWN_LEVEL

SEED = 0
SIDE = 6
"""Samples in a row and in a column."""
COMPARED = 100
"""Samples that are looked up among the training pictures."""
ROWS = 5
"""Examples of the tasks that turn one picture into another; fewer where pictures are so large that it would be TALL."""
TALL = 800
"""Pixels."""


class Captioned(NamedTuple):
    """A picture for the card, uint8 [H, W, C], and the sentence that goes under it."""

    picture: np.ndarray
    caption: str


def preview(trained: Trained, ports: Mapping[str, Graph], runs: Mapping[str, Run], inputs: Inputs) -> Captioned:
    """What the model does, on one picture."""
    if trained.task == "sample":
        return _samples(trained, runs)
    main = next(iter(TASKS[trained.task]))
    count = max(2, min(ROWS, TALL // trained.image.height))
    feeds = inputs.draw(ports[main], count, seed=SEED)
    if trained.told:  # nothing of how much damage there is, as most people will have it
        feeds["level"] = np.full_like(feeds["level"], UNKNOWN_LEVEL)
    columns = {**feeds, **runs[main](feeds)}
    columns.pop("level", None)
    targets = inputs.targets(count, seed=SEED)
    if targets is not None:
        columns["what it should be"] = targets
        if "inverse" in runs:
            columns["the way back from there"] = runs["inverse"]({"image": targets})["translated"]
    pictures = {name: _as_pixels(array, trained.image.channels) for name, array in columns.items() if array.ndim >= 3}
    rows = np.stack(list(pictures.values()), axis=1).reshape(-1, *next(iter(pictures.values())).shape[1:])
    names = ", ".join(pictures)
    caption = f"From left to right: {names}. Held-out data, not selected."
    return Captioned(grid(enlarge(rows, 96), columns=len(pictures)), caption)


def _samples(trained: Trained, runs: Mapping[str, Run]) -> Captioned:
    classes = len(trained.labels) if trained.conditional else 0
    columns = min(classes, 10) or SIDE
    images = _sampled(trained, runs, columns * SIDE, columns)
    caption = f"{len(images)} samples, seed {SEED}, not selected" + (": one class a column." if classes else ".")
    return Captioned(grid(enlarge(images, 96), columns=columns), caption)


def _sampled(trained: Trained, runs: Mapping[str, Run], count: int, classes: int) -> np.ndarray:
    """Samples of SEED, drawn as ``hub.tasks.sample`` draws them, so that it gives these very pictures.

    ``classes``: a conditional model goes through so many of its classes in turn. Returns uint8 [count, H, W, C].
    """
    z = np.random.RandomState(SEED).standard_normal((count, trained.latent_dim or 0)).astype(np.float32)
    if "prior" in runs:
        z = runs["prior"]({"noise": z})["z"]
    labels = {"label": np.arange(count, dtype=np.int64) % classes} if trained.conditional else {}
    return runs["decoder"]({"z": z, **labels})["image"]


def neighbours(trained: Trained, runs: Mapping[str, Run]) -> Captioned:
    """Samples, each beside the training picture nearest to it.

    A model that learned pictures by heart shows the same picture twice, and its samples lie nearer to the training
    pictures than held-out ones do. Distance is Euclidean between pixels.
    """
    images = _sampled(trained, runs, COMPARED, len(trained.labels))
    nearest, distance = _nearest(images, trained.calibration.images)
    _, usual = _nearest(trained.held_out.images[:COMPARED], trained.calibration.images)
    pairs = np.stack([images, trained.calibration.images[nearest]], axis=1).reshape(-1, *images.shape[1:])
    ratio = float(np.median(distance) / max(float(np.median(usual)), 1e-9))
    return Captioned(
        grid(pairs, columns=20),
        f"{len(images)} samples, each with the training picture nearest to it on its right. The median distance is "
        f"{ratio:.2f} times that of held-out real pictures, and {int((distance == 0).sum())} are copies.",
    )


def _nearest(images: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of uint8 [N, ...] the row of ``among`` that is nearest, int64 [N], and its distance, float64 [N]."""
    flat, others = (array.reshape(len(array), -1).astype(np.float32) for array in (images, among))
    rows = ((others**2).sum(axis=1) - 2 * flat @ others.T).argmin(axis=1)
    return rows, np.linalg.norm(flat.astype(np.float64) - others[rows], axis=1)


def _as_pixels(array: np.ndarray, channels: int) -> np.ndarray:
    """Images, masks [N, H, W, 1] and heatmaps [N, H, W] in [0, 1], as uint8 [N, H, W, channels]."""
    if array.dtype != np.uint8 and array.shape[1] == 3 and array.ndim == 4:  # CLIP's planes
        array = array.transpose(0, 2, 3, 1)
        array = (array - array.min()) / max(1e-9, float(array.max() - array.min()))
    if array.dtype != np.uint8:
        array = (array * 255).round().clip(0, 255).astype(np.uint8)
    if array.ndim == 3:
        array = array[..., None]
    return np.broadcast_to(array, (*array.shape[:3], channels)) if array.shape[3] == 1 else array

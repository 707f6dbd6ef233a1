"""The picture on the card, made by the exported fp32 graphs themselves: what a user will get, not selected."""

from collections.abc import Mapping

import numpy as np

from export.inputs import Inputs
from export.parity import Run
from export.trained import Trained
from hub.contract import TASKS, Graph
from hub.images import enlarge, grid

SEED = 0
SIDE = 6
"""Samples in a row and in a column."""
ROWS = 5
"""Examples of the tasks that turn one picture into another."""


def preview(
    trained: Trained, ports: Mapping[str, Graph], runs: Mapping[str, Run], inputs: Inputs
) -> tuple[np.ndarray, str]:
    """One picture, uint8 [H, W, C], and the sentence that goes under it."""
    if trained.task == "sample":
        return _samples(trained, runs)
    main = next(iter(TASKS[trained.task]))
    feeds = inputs.draw(ports[main], ROWS, seed=SEED)
    columns = {**feeds, **runs[main](feeds)}
    pictures = {name: _as_pixels(array, trained.image.channels) for name, array in columns.items() if array.ndim >= 3}
    rows = np.stack(list(pictures.values()), axis=1).reshape(-1, *next(iter(pictures.values())).shape[1:])
    names = ", ".join(pictures)
    return grid(enlarge(rows, 96), columns=len(pictures)), f"From left to right: {names}. Held-out data, not selected."


def _samples(trained: Trained, runs: Mapping[str, Run]) -> tuple[np.ndarray, str]:
    """Samples of fixed noise, drawn as ``hub.tasks.sample`` draws it, so that the same seed gives this very picture."""
    classes = len(trained.labels) if trained.conditional else 0
    columns = min(classes, 10) or SIDE
    count = columns * SIDE
    z = np.random.RandomState(SEED).standard_normal((count, trained.latent_dim or 0)).astype(np.float32)
    if "prior" in runs:
        z = runs["prior"]({"noise": z})["z"]
    labels = {"label": np.arange(count, dtype=np.int64) % columns} if classes else {}
    images = runs["decoder"]({"z": z, **labels})["image"]
    caption = f"{count} samples, seed {SEED}, not selected" + (": one class a column." if classes else ".")
    return grid(enlarge(images, 96), columns=columns), caption


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

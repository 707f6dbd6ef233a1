"""Samples of a bundle, as benchmarks need them: many, from noise that they bring."""

import numpy as np
from numpy.typing import NDArray

from hub.runtime.engine import Model

CHUNK = 250


def generated(model: Model, z: NDArray[np.float32], label: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Pictures uint8 [N, H, W, C] of noise float32 [N, D]; of the classes int64 [N] where the model takes one."""
    feeds = {"z": z} | ({"label": label} if model.bundle.conditional else {})
    chunks = ({name: array[at : at + CHUNK] for name, array in feeds.items()} for at in range(0, len(z), CHUNK))
    return np.concatenate([model.run("decoder", chunk)["image"] for chunk in chunks])

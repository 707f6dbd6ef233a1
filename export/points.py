"""Where pictures of the test split lie on the map of a two-dimensional model, for its tab to show them there.

The axes of the map are the quantiles of the noise that the learned prior is fed, so a latent has to go back through
that prior: exactly, since a flow is invertible. The pictures are shown and nothing else; no number comes from here.
"""

from collections.abc import Mapping
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from export.directions import encoded
from export.graphs import Wrapped
from export.trained import Trained

MOST = 2000
"""More would hide the map that they lie on."""


def points(trained: Trained, graphs: Mapping[str, Wrapped]) -> dict[str, np.ndarray] | None:
    """``noise`` float16 [N, 2] and ``label`` uint8 [N] of ``points.npz``.

    ``None`` without a plane, an encoder, a test split of named classes, or where the prior cannot be undone.
    """
    shown, prior = trained.shown, trained.modules.get("prior")
    if trained.latent_dim != 2 or "encoder" not in graphs or shown is None or shown.labels is None or not len(shown):
        return None
    if not 1 <= len(trained.class_names) <= 256 or (prior is not None and not hasattr(prior, "inverse")):
        return None
    rows = np.linspace(0, len(shown) - 1, min(MOST, len(shown))).astype(int)
    noise = _behind(prior, encoded(graphs["encoder"], shown.images[rows])).astype(np.float16)
    kept = np.isfinite(noise).all(axis=1)
    return {"noise": noise[kept], "label": shown.labels[rows][kept].astype(np.uint8)}


@torch.inference_mode()
def _behind(prior: nn.Module | None, z: np.ndarray) -> np.ndarray:
    """The noise that ``prior`` makes the latents ``z`` [N, 2] of, in double precision."""
    if prior is None:
        return z
    exact = deepcopy(prior).cpu().double().eval()
    noise: np.ndarray = exact.inverse(torch.from_numpy(z)).numpy()  # type: ignore[operator]
    return noise

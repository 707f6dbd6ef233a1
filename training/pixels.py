"""Between the two forms of images: uint8 [N, H, W, C] as stored, float [N, C, H, W] in [-1, 1] as trained on."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_float(images: NDArray[np.uint8] | Tensor) -> Tensor:
    """Map uint8 [N, H, W, C] to float [N, C, H, W] in [-1, 1]; in memory the channels stay last."""
    images = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Map float [N, C, H, W] in [-1, 1] to the nearest grey levels, uint8 [N, H, W, C], on the host."""
    levels: NDArray[np.uint8] = (
        ((images.float().cpu() + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    )
    return levels

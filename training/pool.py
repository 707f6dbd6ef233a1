"""Earlier translations, so that a discriminator does not forget what it has seen through (Shrivastava et al., 2017)."""

from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """Up to `size` pictures float [C, H, W], on the device that they came from. Its state is saved with a run."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: list[Tensor] = []

    def exchange(self, pictures: Tensor) -> Tensor:
        """Pictures float [N, C, H, W], about half of them exchanged for kept ones once the pool is full.

        Kept ones of another size are forgotten.
        """
        if self.kept and self.kept[0].shape != pictures.shape[1:]:
            self.kept.clear()
        given = []
        for picture in pictures:
            if len(self.kept) < self.size:
                self.kept.append(picture.clone())
            elif self.size and bool(torch.rand(()) < 0.5):
                place = int(torch.randint(self.size, ()))
                # A checkpoint is read on the host, wherever its run goes on.
                picture, self.kept[place] = self.kept[place].to(picture.device), picture.clone()
            given.append(picture)
        return torch.stack(given).contiguous(memory_format=torch.channels_last)

    def state_dict(self) -> dict[str, Any]:
        return {"kept": torch.stack(self.kept)} if self.kept else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.kept = list(state["kept"]) if state else []

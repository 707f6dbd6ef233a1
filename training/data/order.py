"""The order of the training images: endless shuffled epochs, a pure function of seed and position.

No generator state has to be saved for an exact resume: the position says it all, on any number of processes.
"""

import numpy as np
from numpy.typing import NDArray


class ShuffledOrder:
    """Hands out indices in [0, count), every one once per epoch; batches run across the ends of epochs, always full."""

    def __init__(self, count: int, seed: int, process: int = 0, processes: int = 1) -> None:
        self.count = count
        self.seed = seed
        self.process, self.processes = process, processes
        self.position = 0
        """Indices handed out so far, by all processes together."""
        self._epoch = -1
        self._permutation: NDArray[np.int64] = np.empty(0, np.int64)

    def next(self, batch_size: int) -> NDArray[np.int64]:
        """Return the next `batch_size` indices of this process."""
        start = self.position + self.process * batch_size
        self.position += self.processes * batch_size
        parts: list[NDArray[np.int64]] = []
        while batch_size > 0:
            epoch, offset = divmod(start, self.count)
            part = self._epoch_order(epoch)[offset : offset + batch_size]
            parts.append(part)
            start, batch_size = start + len(part), batch_size - len(part)
        return np.concatenate(parts)

    def _epoch_order(self, epoch: int) -> NDArray[np.int64]:
        if epoch != self._epoch:
            self._permutation = np.random.Generator(np.random.PCG64([self.seed, epoch])).permutation(self.count)
            self._epoch = epoch
        return self._permutation

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.position = state["position"]

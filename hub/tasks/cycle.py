"""There and back again: what a model of both directions keeps of a picture (cycle consistency, Zhu et al., 2017)."""

from dataclasses import dataclass

import numpy as np

from hub.tasks.restore import psnr
from hub.tasks.translate import Progress, TranslateModel


@dataclass(frozen=True)
class Gap:
    """How far one picture is from another: two numbers, both over all pixels and channels."""

    error: float
    """Mean absolute difference in grey levels, 0 to 255."""
    psnr: float
    """dB; infinite where they are equal."""

    def report(self) -> dict[str, float | None]:
        """In JSON's own types; ``null`` for infinite."""
        return {"error": round(self.error, 3), "psnr": None if self.psnr == float("inf") else round(self.psnr, 3)}


@dataclass(frozen=True)
class Cycle:
    """``back`` is what became of the picture on its way there and back, uint8 of its shape; ``gap`` what that lost."""

    back: np.ndarray
    gap: Gap


def gap(image: np.ndarray, truth: np.ndarray) -> Gap:
    """Of uint8 ``image`` to ``truth``, which has its shape."""
    return Gap(float(np.abs(image.astype(np.int16) - truth).mean()), psnr(image, truth))


def close_cycle(
    model: TranslateModel, image: np.ndarray, there: np.ndarray, inverse: bool, progress: Progress | None = None
) -> Cycle:
    """Bring ``there``, what ``image`` became, back again.

    Args:
        model: one of both directions.
        image: uint8 [H, W, C].
        there: uint8 [H, W, C], what the model made of it.
        inverse: the direction that ``there`` was made in; back is the other.
        progress: as for :meth:`hub.tasks.translate.TranslateModel.translate`.

    Raises:
        RequestError: the model has one direction only.
    """
    back = model.translate(there, not inverse, progress)
    return Cycle(back, gap(back, image))

"""Inpainting: a picture and a mask in, the picture without its hole out.

255 marks the hole, 0 what is known; an antialiased mask is cut in the middle. Known pixels come back bit-exact.
"""

import numpy as np

from hub.errors import RequestError
from hub.runtime.engine import Model
from hub.settings import settings

HOLE = 127.5
"""Above it a mask is hole."""
PIXELS_AT_ONCE = 2**22
"""Bounds memory: pictures of a batch go in together up to so many pixels."""


class InpaintModel:
    """A model of the task ``inpaint``. Images are uint8 [H, W, 3], or [N, H, W, 3] for a batch."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.bundle = model.bundle

    def inpaint(self, images: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """``images`` with their holes filled, in the shape they came in.

        Args:
            images: uint8 [H, W, 3] or [N, H, W, 3].
            masks: uint8, 255 is the hole, with or without a last axis of 1: [H, W] for one image or for all of a
                batch, or [N, H, W].

        Raises:
            RequestError: not uint8, another shape, masks of another size, a mask without a hole, or more pictures than
                one request may have.
        """
        image, single = _batch(images)
        mask = _masks(masks, image.shape[:3])
        self._fits(image)
        hole = mask > HOLE
        if not hole.any(axis=(1, 2, 3)).all():
            raise RequestError("The mask is empty: make white (255) what is to be filled.")
        step = max(1, PIXELS_AT_ONCE // (image.shape[1] * image.shape[2]))
        parts = [
            self.model.run("inpainter", {"image": image[at : at + step], "mask": mask[at : at + step]})["inpainted"]
            for at in range(0, len(image), step)
        ]
        filled = np.where(hole, np.concatenate(parts), image)  # whatever the graph does to what is known
        return filled[0] if single else filled

    def _fits(self, image: np.ndarray) -> None:
        spec, (height, width) = self.bundle.image, image.shape[1:3]
        if len(image) > settings().max_count:
            raise RequestError(f"At most {settings().max_count} pictures at once, not {len(image)}.")
        if not spec.dynamic and (height, width) != (spec.height, spec.width):
            raise RequestError(
                f"'{self.bundle.id}' takes pictures of {spec.width} x {spec.height}, not {width} x {height}."
            )
        if height % spec.multiple or width % spec.multiple:
            raise RequestError(
                f"'{self.bundle.id}' takes widths and heights divisible by {spec.multiple}, not {width} x {height}."
            )


def _array(what: str, values: object) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError:
        raise RequestError(f"The {what} has rows of different lengths.") from None
    if array.dtype != np.uint8:
        raise RequestError(f"The {what} needs uint8 numbers, 0 to 255, not {array.dtype}.")
    if 0 in array.shape:
        raise RequestError(f"The {what} is empty: it has the shape {list(array.shape)}.")
    return array


def _batch(images: object) -> tuple[np.ndarray, bool]:
    array = _array("picture", images)
    if array.ndim not in (3, 4) or array.shape[-1] != 3:
        raise RequestError(
            f"The picture needs the shape [height, width, 3], or one more axis for a batch, not {list(array.shape)}."
        )
    return (array[None], True) if array.ndim == 3 else (array, False)


def _masks(masks: object, wanted: tuple[int, ...]) -> np.ndarray:
    """``masks`` as [N, H, W, 1], where ``wanted`` is [N, H, W] of the pictures."""
    array = given = _array("mask", masks)
    if array.ndim > 2 and array.shape[-1] == 1 and array.shape[-3:-1] == wanted[1:]:
        array = array[..., 0]
    if array.ndim == 2:
        array = np.broadcast_to(array, (wanted[0], *array.shape))
    if array.shape != wanted:
        raise RequestError(
            f"The mask has the shape {list(given.shape)}, the pictures {[*wanted, 3]}: every picture needs a mask of "
            "its own height and width."
        )
    return array[..., None]

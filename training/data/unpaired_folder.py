"""Anyone's two kinds of pictures, none of which belongs to another.

    FOLDER/A/horse 1.png       FOLDER/B/zebra 7.jpg          any names, any number of each
    FOLDER/trainA/  trainB/  testA/  testB/                  as unpaired data sets are published

Sizes and modes may be any. Where the test pictures have folders of their own, all others are for training; else, and
for validation, a picture's split follows from its contents.
"""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import DataInfo, ImageData, Split
from training.data.folder import read_folder
from training.errors import TrainingError


def read_unpaired(folder: Path, image_size: int, channels: int) -> ImageData:
    """Read all pictures of both kinds, A as sources and B as images. Raises TrainingError where a kind has none."""
    apart = (folder / "trainA").is_dir()
    sides = [_Side(folder, name, apart, image_size, channels) for name in ("A", "B")]
    identity = hashlib.sha256("".join(side.identity for side in sides).encode()).hexdigest()[:16]
    notes = [f"In {name}: {note}" for name, side in zip("AB", sides, strict=True) for note in side.notes]
    info = DataInfo(
        name=folder.resolve().name,
        title=folder.resolve().name,
        source="two folders of images",
        version=identity,
        licence="not stated",
        identity=identity,
        notes=notes,
    )

    def load(split: str) -> Split:
        sources, images = (side.split(split) for side in sides)
        if not len(sources) or not len(images):  # metrics need both
            sources, images = sources[:0], images[:0]
        return Split(images, np.zeros(len(images), np.int64), {}, sources, aligned=False)

    return ImageData(info, image_size, channels, load)


class _Side:
    """One kind of pictures."""

    def __init__(self, folder: Path, name: str, apart: bool, image_size: int, channels: int) -> None:
        place = folder / f"train{name}" if apart else folder / name
        if not place.is_dir():
            raise TrainingError(
                f"The folder {folder} has no {place.name} in it; put pictures of one kind into A and of the other into "
                "B, or into trainA, trainB and, where you like, testA and testB."
            )
        self.data = read_folder(place, image_size, channels)
        held_out = folder / f"test{name}"
        self.held_out = read_folder(held_out, image_size, channels) if apart and held_out.is_dir() else None
        parts = [each for each in (self.data, self.held_out) if each is not None]
        self.identity = "".join(part.info.identity for part in parts)
        self.notes = [note for part in parts for note in part.info.notes]

    def split(self, name: str) -> NDArray[np.uint8]:
        """Pictures uint8 [N, H, W, C] of one split."""
        if self.held_out is None:
            images: NDArray[np.uint8] = getattr(self.data, name).images
            return images
        if name == "test":
            return _all(self.held_out)
        return (
            self.data.val.images if name == "val" else np.concatenate([self.data.train.images, self.data.test.images])
        )


def _all(data: ImageData) -> NDArray[np.uint8]:
    return np.concatenate([split.images for split in (data.train, data.val, data.test)])

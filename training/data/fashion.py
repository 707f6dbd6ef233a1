"""Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 28x28 grayscale, ten classes, 55k train / 5k val / 10k test.

    genhub data build fashion

The official training set gives `train` and `val`; the official test set is `test`, untouched.
"""

import gzip
import hashlib
import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.attributes import Attribute
from training.data.dataset import DataInfo, write_parquet
from training.data.sources import Source, source_files
from training.errors import TrainingError

CLASS_NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
VAL_PER_CLASS = 500


def _between(name: str, having: list[str], lacking: list[str]) -> Attribute:
    """An attribute that pictures of some classes have and those of others lack."""
    return Attribute(name, "label", tuple(map(CLASS_NAMES.index, having)), tuple(map(CLASS_NAMES.index, lacking)))


ATTRIBUTES = (
    _between("Long sleeves", ["Pullover", "Coat"], ["T-shirt/top"]),
    _between("Open front", ["Coat"], ["Pullover"]),
    _between("Dress length", ["Dress"], ["T-shirt/top"]),
    _between("Two legs", ["Trouser"], ["Dress"]),
    _between("High ankle", ["Ankle boot"], ["Sneaker"]),
    _between("Open straps", ["Sandal"], ["Sneaker"]),
)
"""Differences that are seen at 28 pixels. "Shirt" is left out of the sleeves: some are short."""


def build(source: Source, path: Path) -> DataInfo:
    """Build the Parquet file at `path` from the pinned package. Raises TrainingError."""
    files = source_files(source)
    train_images = read_idx(files["train-images-idx3-ubyte.gz"])
    train_labels = read_idx(files["train-labels-idx1-ubyte.gz"])
    test_images = read_idx(files["t10k-images-idx3-ubyte.gz"])
    test_labels = read_idx(files["t10k-labels-idx1-ubyte.gz"])
    if len(train_images) != len(train_labels) or len(test_images) != len(test_labels):
        raise TrainingError("The Fashion-MNIST files do not belong together: images and labels differ in number.")

    splits = split_train_val(train_images, train_labels, VAL_PER_CLASS)
    identity = hashlib.sha256("".join([source.sha256, *splits]).encode()).hexdigest()[:16]
    info = DataInfo(
        name=source.name,
        title=source.title,
        source=f"Debian package {source.package}",
        version=source.version,
        licence=source.licence,
        attribution=source.attribution,
        class_names=CLASS_NAMES,
        identity=identity,
    )
    write_parquet(
        path,
        info,
        [_png(image) for image in (*train_images, *test_images)],
        [*train_labels.tolist(), *test_labels.tolist()],
        [*splits, *["test"] * len(test_images)],
    )
    return info


def split_train_val(images: NDArray[np.uint8], labels: NDArray[np.uint8], val_per_class: int) -> list[str]:
    """Say "train" or "val" for each image: in each class, the images whose pixels have the smallest sha256 are val.

    A hash, because no random generator promises the same numbers in its next version.
    """
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    splits = ["train"] * len(images)
    for label in np.unique(labels):
        members = sorted(np.flatnonzero(labels == label).tolist(), key=lambda index: (digests[index], index))
        for index in members[:val_per_class]:
            splits[index] = "val"
    return splits


def read_idx(content: bytes) -> NDArray[np.uint8]:
    """Parse a gzipped IDX file of unsigned bytes: uint8 array of the shape in its header. Raises TrainingError."""
    try:
        raw = gzip.decompress(content)
        zero, kind, rank = struct.unpack_from(">HBB", raw)
        shape = struct.unpack_from(f">{rank}I", raw, 4)
        if zero != 0 or kind != 0x08:
            raise ValueError("not an IDX file of unsigned bytes")
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise TrainingError(
            f"A Fashion-MNIST file is damaged ({error}); delete the package from the cache and build again."
        ) from error


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()

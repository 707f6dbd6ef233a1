"""Image data sets of the Hugging Face Hub, through its own `datasets` library.

genhub train vae --data ylecun/mnist
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from training.data.dataset import DataInfo, ImageData, Split, check_memory
from training.data.folder import UnusableError, decode, split_of
from training.errors import TrainingError

SPLIT_NAMES = {"train": "train", "validation": "val", "val": "val", "valid": "val", "test": "test"}


def read_hub(hub_id: str, image_size: int, channels: int) -> ImageData:
    """Read a Hub data set (or anything else that `datasets.load_dataset` opens, such as a local folder) into memory.

    Takes the first image column, and the first ClassLabel column as labels. Where the data set has no validation or no
    test split, one is cut from its training images by their contents. Raises TrainingError.
    """
    try:
        import datasets
    except ImportError as error:
        raise TrainingError(
            "Data sets of the Hub need the `datasets` package: pip install 'generative-hub[train]'."
        ) from error
    try:
        loaded: Any = datasets.load_dataset(hub_id)
    except Exception as error:  # the library raises many kinds, and all of them mean this
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(
            f"There is no folder {hub_id} here, and the Hub data set {hub_id} could not be loaded ({reason})."
        ) from error

    features = next(iter(loaded.values())).features
    image_column = next((name for name, kind in features.items() if isinstance(kind, datasets.Image)), None)
    if image_column is None:
        raise TrainingError(f"The data set {hub_id} has no image column; it has: {', '.join(features)}.")
    label_column = next((name for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)), None)
    class_names = list(features[label_column].names) if label_column else []
    present = {SPLIT_NAMES[name] for name in loaded if name in SPLIT_NAMES}
    if "train" not in present:
        raise TrainingError(f"The data set {hub_id} has no split called train; it has: {', '.join(loaded)}.")
    check_memory(sum(len(part) for part in loaded.values()), image_size, channels)

    pixels: dict[str, list[Any]] = {"train": [], "val": [], "test": []}
    labels: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    identity, skipped = hashlib.sha256(), 0
    for name, part in loaded.items():
        if name not in SPLIT_NAMES:
            continue
        part = part.cast_column(image_column, datasets.Image(decode=False))
        for row in part:
            try:
                content = row[image_column]["bytes"] or Path(row[image_column]["path"]).read_bytes()
                fitted = decode(io.BytesIO(content), image_size, channels)
            except (OSError, TypeError, UnusableError):  # TypeError: a row without an image
                skipped += 1
                continue
            digest = hashlib.sha256(content).hexdigest()
            split = SPLIT_NAMES[name]
            if split == "train" and (drawn := split_of(digest)) not in present:
                split = drawn
            label = int(row[label_column]) if label_column else 0
            pixels[split].append(fitted)
            labels[split].append(label)
            identity.update(f"{split}{digest}{label}".encode())
    if not pixels["train"]:
        raise TrainingError(f"The data set {hub_id} holds no usable training image.")

    first = next(iter(loaded.values()))
    info = DataInfo(
        name=hub_id.rstrip("/").split("/")[-1],
        title=hub_id,
        source=f"Hugging Face data set {hub_id}",
        version=str(first.info.version or ""),
        licence=first.info.license or "not stated",
        class_names=class_names,
        identity=identity.hexdigest()[:16],
        notes=[f"Skipped {skipped} damaged image{'s' if skipped > 1 else ''}."] if skipped else [],
    )
    shape = (0, image_size, image_size, channels)

    def load(split: str) -> Split:
        images = np.stack(pixels[split]) if pixels[split] else np.zeros(shape, np.uint8)
        return Split(images, np.array(labels[split], np.int64))

    return ImageData(info, image_size, channels, load)

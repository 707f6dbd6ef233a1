"""Anyone's images: every file under a folder, whatever its size, mode or format, as one data set.

    genhub train vae --data ~/pictures/cats --image-size 64 --channels 3

Files that are no images, or damaged, are skipped and counted. If every image lies in a subfolder, and there is more
than one, the subfolders are the classes. A file's split follows from its contents: it stays when files come or go.
"""

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from training.data.dataset import DataInfo, ImageData, Split, check_memory, fit
from training.errors import TrainingError

VAL_SHARE, TEST_SHARE = 0.05, 0.10
PIXEL_LIMIT = 200_000_000
"""Images with more pixels than this are skipped: more likely a decompression bomb than a photograph."""


class UnusableError(Exception):
    """Why a file was skipped, in a few words."""


@dataclass(frozen=True)
class Read:
    """One file's pixels uint8 [S, S, C] and the sha256 of its bytes."""

    pixels: NDArray[np.uint8]
    digest: str


def read_folder(folder: Path, image_size: int, channels: int) -> ImageData:
    """Read all images under `folder` into memory. Raises TrainingError if there is no usable one."""
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder}.")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not hidden(path, folder))
    if not files:
        raise TrainingError(f"The folder {folder} is empty; put images into it.")
    check_memory(len(files), image_size, channels)

    def attempt(path: Path) -> Read | str:
        try:
            return read_image(path, image_size, channels)
        except UnusableError as reason:
            return str(reason)

    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:  # Pillow decodes outside the interpreter's lock
        results = list(pool.map(attempt, files))
    # By content, not by name: renaming or moving files changes neither splits nor the order of training.
    usable = sorted(
        ((read, path) for read, path in zip(results, files, strict=True) if isinstance(read, Read)),
        key=lambda pair: (pair[0].digest, pair[1]),
    )
    skipped = [(reason, path) for reason, path in zip(results, files, strict=True) if isinstance(reason, str)]
    notes = skip_notes(skipped)
    if not usable:
        reason = f" ({notes[0].rstrip('.')})" if notes else ""
        raise TrainingError(f"The folder {folder} holds no usable image{reason}.")

    class_names = _class_names([path for _, path in usable], folder)
    labels = np.array(
        [class_names.index(path.relative_to(folder).parts[0]) if class_names else 0 for _, path in usable]
    )
    splits = np.array([split_of(read.digest) for read, _ in usable])
    if "train" not in splits:  # a handful of images: better to learn from them than to have nothing to learn from
        splits[:] = "train"
    notes += [
        f"There are too few images for a {split} split; metrics on it are left out."
        for split in ("val", "test")
        if split not in splits
    ]
    identity = hashlib.sha256("".join(read.digest for read, _ in usable).encode() + labels.tobytes()).hexdigest()[:16]
    info = DataInfo(
        name=folder.resolve().name,
        title=folder.resolve().name,
        source="a folder of images",
        version=identity,
        licence="not stated",
        class_names=class_names,
        identity=identity,
        notes=notes,
    )
    images = np.stack([read.pixels for read, _ in usable])
    return ImageData(
        info,
        image_size,
        channels,
        lambda split: Split(images[splits == split], labels[splits == split].astype(np.int64)),
    )


def read_image(path: Path, image_size: int, channels: int) -> Read:
    """Decode one file: first frame, upright, alpha on white, any depth to 8 bits. Raises UnusableError."""
    try:
        with path.open("rb") as file:
            pixels = decode(file, image_size, channels)
            # After decoding, and in pieces: among the images there may lie a film of many gigabytes.
            file.seek(0)
            return Read(pixels, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise UnusableError("not readable") from error


def decode(file: BinaryIO, image_size: int, channels: int) -> NDArray[np.uint8]:
    """Pixels uint8 [S, S, C] of an image file, as `read_image` has them. Raises UnusableError."""
    return fit(opened(file), image_size, channels)


def opened(file: BinaryIO) -> Image.Image:
    """An image file as 8-bit "L" or "RGB", first frame, upright, alpha on white. Raises UnusableError."""
    Image.MAX_IMAGE_PIXELS = None  # our own limit below refuses, where Pillow's would only warn up to twice its own
    try:
        with Image.open(file) as image:
            if image.width * image.height > PIXEL_LIMIT:
                raise UnusableError("too large")
            image.load()
            return to_eight_bits(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise UnusableError("not an image") from error
    except UnusableError:
        raise
    except Exception as error:  # damaged files make Pillow raise anything, from OSError to struct.error
        raise UnusableError("damaged") from error


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Any Pillow image as 8-bit "L" or "RGB"; transparent parts become white."""
    if image.mode.startswith(("I", "F")):
        # Pillow's own conversion cuts 16-bit values off at 255, which turns most pictures white.
        values = np.nan_to_num(np.asarray(image).astype(np.float64))
        if image.mode == "F":
            low, high = min(values.min(), 0.0), max(values.max(), 1.0)
        else:
            low, high = (
                min(values.min(), 0.0),
                next((top for top in (255.0, 65535.0) if values.max() <= top), values.max()),
            )
        return Image.fromarray(((values - low) / (high - low) * 255).round().astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def split_of(digest: str) -> str:
    """The split of a file with this sha256 (hex): a fixed draw."""
    draw = int(digest[:8], 16) / 2**32
    return "val" if draw < VAL_SHARE else "test" if draw < VAL_SHARE + TEST_SHARE else "train"


def hidden(path: Path, folder: Path) -> bool:
    """Whether a file, or a folder on the way to it, is one that systems hide."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _class_names(paths: list[Path], folder: Path) -> list[str]:
    """Names of the first-level subfolders if every image lies in one and there are at least two; else none."""
    parts = [path.relative_to(folder).parts for path in paths]
    names = sorted({part[0] for part in parts})
    return names if len(names) > 1 and all(len(part) > 1 for part in parts) else []


def skip_notes(skipped: list[tuple[str, Path]]) -> list[str]:
    """One sentence a reason, with a few names."""
    notes = []
    for reason, count in Counter(reason for reason, _ in skipped).most_common():
        names = [path.name for why, path in skipped if why == reason]
        shown = ", ".join(names[:3]) + (", ..." if count > 3 else "")
        notes.append(f"Skipped {count} file{'s' if count > 1 else ''} ({reason}): {shown}.")
    return notes

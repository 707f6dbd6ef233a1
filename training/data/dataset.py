"""What every data set looks like to a recipe: uint8 arrays in memory, three splits, and where they came from.

A built data set is one Parquet file: `image` (a PNG or lossless WebP file), `label` (int64), `split` (train, val or
test), in paired data `source` (such a file, too: what the image is to be made from), further int64 columns for what
else is known of each picture, and in the file's metadata, under `genhub`, the DataInfo as JSON.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from training.atomic import atomic_path
from training.errors import TrainingError

FIXED = ("image", "source", "label", "split")
SPLITS = ("train", "val", "test")
MEMORY_LIMIT = 4 << 30
"""Bytes that the images of one data set may take in memory, all splits together."""
PADDING_LIMIT = 4
"""Images at most this much smaller than the training size are padded with black, not resized: 28 -> 32 keeps pixels."""


@dataclass(frozen=True)
class DataInfo:
    """Identity and provenance of a data set; travels into every run and every bundle."""

    name: str
    title: str
    source: str
    """Package, folder or hub id that the images came from."""
    version: str
    licence: str
    attribution: str = ""
    class_names: list[str] = field(default_factory=list)
    identity: str = ""
    """Changes whenever the images, labels or splits change: a resumed run must find the same."""
    notes: list[str] = field(default_factory=list)
    """What the reader did that a user should know, one sentence each (skipped files, missing splits)."""
    columns: dict[str, list[str]] = field(default_factory=dict)
    """Further columns, and what their numbers 0, 1, ... stand for."""
    revision: int = 1
    """Of the builder: one more where it makes something else of the same sources than before."""


@dataclass(frozen=True)
class Split:
    """images: uint8 [N, H, W, C]; labels: int64 [N], zeros where the data has no classes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """int64 [N] each: what a data set knows of its pictures beside the class, where it does."""
    sources: NDArray[np.uint8] | None = None
    """uint8 [N, H, W, C] in paired data: what each of the images, the targets, is to be made from; in unpaired data
    uint8 [M, H, W, C]: pictures of the other kind."""
    aligned: bool = True
    """Whether sources[i] is what images[i] is to be made from: else they are pictures of two kinds, in any order."""

    def __len__(self) -> int:
        return len(self.images)


class ImageData:
    """A data set at one image size. A split is read when it is first asked for, so training never opens `test`."""

    def __init__(self, info: DataInfo, image_size: int, channels: int, load: Callable[[str], Split]) -> None:
        self.info = info
        self.image_size = image_size
        self.channels = channels
        self._load = load

    @cached_property
    def train(self) -> Split:
        """What gradients come from."""
        return self._load("train")

    @cached_property
    def val(self) -> Split:
        """What choices between models, settings and checkpoints come from."""
        return self._load("val")

    @cached_property
    def test(self) -> Split:
        """What reported numbers come from; read by final evaluation alone."""
        return self._load("test")


def absent_data(info: DataInfo, image_size: int, channels: int) -> ImageData:
    """A stand-in with no images, for using a trained model where its data is not at hand."""
    empty = Split(np.zeros((0, image_size, image_size, channels), np.uint8), np.zeros(0, np.int64))
    return ImageData(info, image_size, channels, lambda split: empty)


def write_parquet(
    path: Path,
    info: DataInfo,
    images: Iterable[bytes],
    labels: Iterable[int],
    splits: Iterable[str],
    columns: Mapping[str, Iterable[int]] | None = None,
    sources: Iterable[bytes] | None = None,
) -> None:
    """Write a built data set, atomically. `images` and, in paired data, `sources` are PNG or lossless WebP files."""
    table = pa.table(
        {
            "image": pa.array(images, pa.binary()),
            **({} if sources is None else {"source": pa.array(sources, pa.binary())}),
            "label": pa.array(labels, pa.int64()),
            "split": pa.array(splits, pa.string()),
            **{name: pa.array(values, pa.int64()) for name, values in (columns or {}).items()},
        }
    )
    table = table.replace_schema_metadata({"genhub": json.dumps(asdict(info))})
    with atomic_path(path) as temporary:
        # PNG is compressed already; zstd only shrinks what the files have in common (their headers).
        pq.write_table(table, temporary, compression="zstd")


def read_info(path: Path) -> DataInfo:
    """DataInfo of a built data set, without reading its images. Raises TrainingError for any other file."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        return DataInfo(**json.loads(metadata[b"genhub"]))
    except (KeyError, TypeError, ValueError, OSError, pa.ArrowException) as error:
        raise TrainingError(
            f"{path} is not a data set that `genhub data build` made, or it is damaged; build it again."
        ) from error


def read_parquet(path: Path, image_size: int, channels: int) -> ImageData:
    """A built data set, fitted to `image_size` and `channels`. Raises TrainingError."""
    info = read_info(path)

    def load(split: str) -> Split:
        try:
            table = pq.read_table(path, filters=[("split", "=", split)])
        except (OSError, pa.ArrowException) as error:
            raise TrainingError(f"{path} is damaged ({error}); build it again.") from error
        kinds = [name for name in ("image", "source") if name in table.column_names]
        check_memory(len(table) * len(kinds), image_size, channels)
        pixels = {name: np.empty((len(table), image_size, image_size, channels), np.uint8) for name in kinds}

        def decode(index: int) -> None:
            for name in kinds:
                with Image.open(io.BytesIO(table[name][index].as_py())) as image:
                    pixels[name][index] = fit(image, image_size, channels)

        try:
            with ThreadPoolExecutor() as pool:
                for _ in pool.map(decode, range(len(table)), chunksize=256):
                    pass
        except (OSError, ValueError, SyntaxError, TypeError) as error:
            raise TrainingError(f"{path} holds a damaged image ({error}); build it again.") from error
        columns = {name: table[name].to_numpy().astype(np.int64) for name in table.column_names if name not in FIXED}
        return Split(pixels["image"], table["label"].to_numpy().astype(np.int64), columns, pixels.get("source"))

    return ImageData(info, image_size, channels, load)


def fit(image: Image.Image, image_size: int, channels: int) -> NDArray[np.uint8]:
    """Bring an 8-bit RGB or grayscale image to uint8 [image_size, image_size, channels].

    A slightly smaller image is padded with black (PADDING_LIMIT); any other is cut to its central square and resized.
    """
    image = image.convert("L" if channels == 1 else "RGB")
    width, height = image.size
    if max(width, height) <= image_size and min(width, height) >= image_size - PADDING_LIMIT:
        canvas = Image.new(image.mode, (image_size, image_size))
        canvas.paste(image, ((image_size - width) // 2, (image_size - height) // 2))
        image = canvas
    else:
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        image = image.resize(
            (image_size, image_size),
            Image.Resampling.LANCZOS,
            box=(left, top, left + side, top + side),
            reducing_gap=3.0,
        )
    return np.asarray(image, np.uint8).reshape(image_size, image_size, channels)


def check_memory(count: int, image_size: int, channels: int) -> None:
    """Raise TrainingError when `count` images would not fit under MEMORY_LIMIT."""
    needed = count * image_size * image_size * channels
    if needed > MEMORY_LIMIT:
        raise TrainingError(
            f"{count} images of {image_size}x{image_size} take {needed / 2**30:.1f} GiB of memory and the limit is "
            f"{MEMORY_LIMIT / 2**30:.0f} GiB; train on fewer images or with a smaller --image-size."
        )


def with_note(info: DataInfo, note: str) -> DataInfo:
    """`info` with one more note."""
    return replace(info, notes=[*info.notes, note])

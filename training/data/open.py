"""`--data NAME|FOLDER|hub id`: one way to name a data set, whatever it is."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.config import Pairing
from training.data.build import BUILDERS, build, parquet_path
from training.data.dataset import ImageData, Split, read_parquet
from training.errors import TrainingError

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def open_data(
    spec: str, image_size: int, channels: int, online: bool = True, pairing: Pairing | None = None
) -> ImageData:
    """Open a built data set (built now if need be), a Parquet file, a folder of images, or a Hub data set.

    online: whether something may be fetched that is not on this machine yet. pairing: pairs are wanted, of this kind;
    a split that has none raises when it is read. Raises TrainingError.
    """
    data = _open(spec, image_size, channels, online, pairing)
    return data if pairing is None else _in_pairs(data, pairing)


def _open(spec: str, image_size: int, channels: int, online: bool, pairing: Pairing | None) -> ImageData:
    if spec in BUILDERS:
        path = parquet_path(spec)
        if online:
            build(spec)
        elif not path.exists():
            raise TrainingError(f"The data set {spec} is not built here; run `genhub data build {spec}`.")
        return read_parquet(path, image_size, channels)
    path = Path(spec).expanduser()
    if path.is_file():
        return read_parquet(path, image_size, channels)
    if path.is_dir() and pairing is not None:
        from training.data.paired_folder import read_pairs
        from training.data.unpaired_folder import read_unpaired

        if pairing.layout == "unpaired":
            return read_unpaired(path, image_size, channels)
        return read_pairs(path, image_size, channels, pairing.layout)
    if path.is_dir():
        from training.data.folder import read_folder

        return read_folder(path, image_size, channels)
    if online and HUB_ID.fullmatch(spec) and not spec.startswith("."):
        from training.data.hub import read_hub

        return read_hub(spec, image_size, channels)
    names = ", ".join(sorted(BUILDERS))
    raise TrainingError(f"--data {spec} is no data set ({names}), no folder or Parquet file here, and no hub id.")


def _in_pairs(data: ImageData, pairing: Pairing) -> ImageData:
    """The same data, made sure to be of two kinds, in the direction that is wanted.

    Where no pairs are wanted, nobody says which belong together in training. Held-out pairs stay pairs, to measure by.
    """

    def load(split: str) -> Split:
        found: Split = getattr(data, split)
        sources = found.sources
        if sources is None:
            known = ", ".join(name for name, builder in sorted(BUILDERS.items()) if builder.paired)
            raise TrainingError(
                f"The data set {data.info.name} has no pairs, and this family learns from nothing else; name one that "
                f"has ({known}), or a folder with A/ and B/."
            )
        if pairing.layout == "unpaired" and split == "train":
            found = replace(found, aligned=False)
        if pairing.direction == "AtoB":
            return found
        labels = found.labels if found.aligned else np.zeros(len(sources), np.int64)
        return replace(found, images=sources, sources=found.images, labels=labels)

    return ImageData(data.info, data.image_size, data.channels, load)


def normal_spec(spec: str) -> str:
    """The form to remember in a run: paths absolute, names and hub ids as they are."""
    path = Path(spec).expanduser()
    return str(path.resolve()) if spec not in BUILDERS and path.exists() else spec

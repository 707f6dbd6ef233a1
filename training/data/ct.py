"""A head in CT: the slices of one patient, split by blocks of slices, reduced to 128 px.

    genhub data build ct

The volume is InVesalius' example, 108 slices of 256 x 256 pixels in Hounsfield units, 0.957 x 0.957 mm a pixel and
1.5 mm a slice. Four pixels become one by their mean, in Hounsfield units; then they become the grey levels that
`training.hounsfield` describes: a window of soft tissue (level 40, width 400) that keeps air and bone in a few levels
of their own. Slices are laid nose up. Those above the skull's top are left out.

Neighbouring slices show nearly the same. So what is held out are blocks of slices at all heights, and GAP slices at
either border of a block are in no split: a held-out slice is at least 4.5 mm away from every other split's. There are
few to learn from, so each of those is there four times, half a pixel apart: other pixels have become one.

| source                     | slices                       | licence      |
|----------------------------|------------------------------|--------------|
| Debian invesalius-examples | 56 (x 4) train, 8 val, 18 test | GPL-2.0-only |
"""

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.dataset import DataInfo, write_parquet
from training.data.drawing import png
from training.data.sources import Source, source_files
from training.errors import TrainingError
from training.hounsfield import to_levels

PROJECT = "Cranium.inv3"
SHAPE = (108, 256, 256)
USED = 102
"""Slices from the bottom on; the others show no head, or next to none of it."""
TEST = (range(16, 22), range(50, 56), range(82, 88))
VAL = (range(34, 38), range(66, 70))
GAP = 2
SHIFTS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Pixels that a training slice is moved by before four become one."""


def build(sources: list[Source], path: Path) -> DataInfo:
    """Build the Parquet file at `path`. Raises TrainingError."""
    (source,) = sources
    files = source_files(source)
    if PROJECT not in files:
        raise TrainingError(f"The package {source.package} has no {PROJECT}.")
    hounsfield = volume(files[PROJECT])
    pictures = [slices(np.roll(hounsfield, shift, axis=(1, 2))) for shift in SHIFTS]
    chosen = [
        (number, split, shifted[number])
        for place, shifted in enumerate(pictures)
        for number in in_turns()
        if (split := split_of(number)) == "train" or (split and place == 0)
    ]
    identity = hashlib.sha256()
    for number, split, picture in chosen:
        identity.update(picture.tobytes() + f"{number}{split}".encode())
    info = DataInfo(
        name="ct",
        title="Head CT, one patient",
        source=f"Debian package {source.package}",
        version=source.version,
        licence=source.licence,
        attribution=source.attribution,
        identity=identity.hexdigest()[:16],
        notes=[
            "One patient: what it is worth on another head, another part of the body or another scanner, nobody has "
            "measured.",
            f"Split by blocks of slices; {GAP} slices at either border of a block are left out, so held-out slices are "
            "at least 4.5 mm away from those trained on. Each of these is there four times, half a pixel apart.",
            "Grey levels: the window of soft tissue, level 40 and width 400, is levels 16 to 239; air below it and "
            "bone above it (to 1840 HU) have the rest.",
            "No medical device: not for diagnosis or treatment.",
        ],
        columns={"slice": [str(number) for number in range(SHAPE[0])]},
    )
    write_parquet(
        path,
        info,
        [png(Image.fromarray(picture)) for _, _, picture in chosen],
        [0] * len(chosen),
        [split for _, split, _ in chosen],
        {"slice": [number for number, _, _ in chosen]},
    )
    return info


def split_of(number: int) -> str | None:
    """The split of a slice; None for those in no split."""
    for split, blocks in (("test", TEST), ("val", VAL)):
        for block in blocks:
            if number in block:
                return split
            if block.start - GAP <= number < block.stop + GAP:
                return None
    return "train" if number < USED else None


def in_turns() -> list[int]:
    """All slices, from all heights in turn: the first pictures of a split show what there is in it."""
    places = {number: number - block.start for block in (*TEST, *VAL) for number in block}
    return sorted(range(SHAPE[0]), key=lambda number: (places.get(number, number % 8), number))


def volume(project: bytes) -> NDArray[np.int16]:
    """The volume of an InVesalius project's file, int16 [slices, rows, columns] in HU. Raises TrainingError."""
    try:
        with tarfile.open(fileobj=io.BytesIO(project)) as archive:
            member = next((each for each in archive if each.name.endswith("/matrix.dat")), None)
            stream = archive.extractfile(member) if member else None
            content = stream.read() if stream else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise TrainingError(f"{PROJECT} could not be unpacked ({error!r}).") from error
    if len(content) != 2 * np.prod(SHAPE):
        raise TrainingError(f"The volume in {PROJECT} has {len(content)} bytes, not those of {SHAPE}.")
    return np.frombuffer(content, "<i2").reshape(SHAPE)


def slices(hounsfield: NDArray[np.int16]) -> NDArray[np.uint8]:
    """The pictures of a volume: uint8 [slices, rows / 2, columns / 2]."""
    depth, height, width = hounsfield.shape
    mean = hounsfield.reshape(depth, height // 2, 2, width // 2, 2).mean(axis=(2, 4))[:, ::-1]
    return to_levels(mean)

"""A head in CT: the slices of one patient, split by blocks of slices, reduced to 128 px.

    genhub data build ct
    genhub data build ct-lowdose

The volume is InVesalius' example, 108 slices of 256 x 256 pixels in Hounsfield units, 0.957 x 0.957 mm a pixel and
1.5 mm a slice. Four pixels become one by their mean, in Hounsfield units; then they become the grey levels that
`training.hounsfield` describes: a window of soft tissue (level 40, width 400) that keeps air and bone in a few levels
of their own. Slices are laid nose up. Those above the skull's top are left out.

Neighbouring slices show nearly the same. So what is held out are blocks of slices at all heights, and GAP slices at
either border of a block are in no split: a held-out slice is at least 4.5 mm away from every other split's. There are
few to learn from, so each of those is there COPIES times: once as it is, then turned by any angle, stretched and bent a
little, as other heads lie and are shaped. That happens before four pixels become one, so it blurs next to nothing: the
noise that is in the slices stays what it is.

`ct-lowdose` has beside each of them the same slice scanned again with a 64th of the photons (`training.tomography`).
Its held-out pictures are the very ones that the `lowdose` family is measured by.

| source                     | slices                          | licence      |
|----------------------------|---------------------------------|--------------|
| Debian invesalius-examples | 56 (x 32) train, 8 val, 18 test | GPL-2.0-only |
"""

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates, spline_filter, zoom  # type: ignore[import-untyped]

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
REVISION = 2
"""Slices were four times there, half a pixel apart, in the first."""
COPIES = 32
"""Of each training slice, the first as it is."""
STRETCH = 0.1
"""Largest logarithm of what a copy is stretched by, along either axis of its own."""
SHIFT = 8.0
"""Most pixels of the volume that a copy is moved by, along either axis."""
BEND = 3.0
"""Standard deviation, in pixels of the volume, of what each of BENDS x BENDS points is moved by."""
BENDS = 5
AIR = -1000.0
"""HU of what comes in at a copy's edges."""
COPYING_SEED = 1
"""Of how training slices are turned, stretched, moved and bent."""
LOW_DOSE = 6
"""Halvings of the dose in `ct-lowdose`: 50,000 photons to each bin of the detector."""
TRAINING_SEED = 1
"""Of the noise on training slices; that on held-out ones has the seed of all held-out damage."""

Slice = tuple[int, str, NDArray[np.uint8]]
"""Number, split, picture [H, W]."""


def build(sources: list[Source], path: Path) -> DataInfo:
    """Build the Parquet file of full-dose slices at `path`. Raises TrainingError."""
    info, chosen = _full_dose(sources)
    return _write(path, info, chosen, {})


def build_low_dose(sources: list[Source], path: Path) -> DataInfo:
    """Build the Parquet file of slices, the sources of a low dose and the images of the full one, at `path`.

    Raises TrainingError.
    """
    from training.damage import damaged_images
    from training.evaluation import EVALUATION_SEED
    from training.tomography import low_dose

    info, chosen = _full_dose(sources)
    noisy: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)] * len(chosen)
    for split, seed in (("train", TRAINING_SEED), ("val", EVALUATION_SEED), ("test", EVALUATION_SEED)):
        rows = [row for row, (_, its, _) in enumerate(chosen) if its == split]
        clean = np.stack([chosen[row][2] for row in rows])[..., None]
        made = damaged_images(low_dose, clean, np.full(len(rows), LOW_DOSE), seed)[..., 0]
        for row, picture in zip(rows, made, strict=True):
            noisy[row] = picture
    info = replace(
        info,
        name="ct-lowdose",
        title="Head CT of one patient, low and full dose",
        # What torch draws from a seed is no promise between releases, so the noise is part of what the data are.
        identity=hashlib.sha256(info.identity.encode() + b"".join(each.tobytes() for each in noisy)).hexdigest()[:16],
        notes=[*info.notes, f"Low dose: the full one halved {LOW_DOSE} times, scanned and reconstructed by a program."],
    )
    columns = {"halvings": [LOW_DOSE] * len(chosen)}
    return _write(path, info, chosen, columns, [png(Image.fromarray(picture)) for picture in noisy])


def _full_dose(sources: list[Source]) -> tuple[DataInfo, list[Slice]]:
    """What is known of the data, and the slices. Raises TrainingError."""
    (source,) = sources
    files = source_files(source)
    if PROJECT not in files:
        raise TrainingError(f"The package {source.package} has no {PROJECT}.")
    hounsfield = volume(files[PROJECT])
    pictures = slices(hounsfield)
    chosen = [(number, split, pictures[number]) for number in in_turns() if (split := split_of(number))]
    chosen += _copies(hounsfield, [number for number, split, _ in chosen if split == "train"])
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
            f"at least 4.5 mm away from those trained on. Each of these is there {COPIES} times: once as it is, then "
            "turned by any angle, stretched and bent a little.",
            "Grey levels: the window of soft tissue, level 40 and width 400, is levels 16 to 239; air below it and "
            "bone above it (to 1840 HU) have the rest.",
            "No medical device: not for diagnosis or treatment.",
        ],
        columns={"slice": [str(number) for number in range(SHAPE[0])]},
        revision=REVISION,
    )
    return info, chosen


def _copies(hounsfield: NDArray[np.int16], numbers: list[int]) -> list[Slice]:
    """The further copies of these training slices: all of them once, then all of them again."""
    random = np.random.default_rng(COPYING_SEED)
    splines = [spline_filter(hounsfield[number].astype(np.float32)) for number in numbers]
    found: list[Slice] = []
    for _ in range(COPIES - 1):
        pictures = slices(np.stack([varied(spline, random) for spline in splines]))
        found += [(number, "train", picture) for number, picture in zip(numbers, pictures, strict=True)]
    return found


def _write(
    path: Path,
    info: DataInfo,
    chosen: list[Slice],
    columns: dict[str, list[int]],
    noisy: list[bytes] | None = None,
) -> DataInfo:
    write_parquet(
        path,
        info,
        [png(Image.fromarray(picture)) for _, _, picture in chosen],
        [0] * len(chosen),
        [split for _, split, _ in chosen],
        {"slice": [number for number, _, _ in chosen], **columns},
        noisy,
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


def slices(hounsfield: NDArray[np.number]) -> NDArray[np.uint8]:
    """The pictures of a volume in HU: uint8 [slices, rows / 2, columns / 2]."""
    depth, height, width = hounsfield.shape
    mean = hounsfield.reshape(depth, height // 2, 2, width // 2, 2).mean(axis=(2, 4))[:, ::-1]
    return to_levels(mean)


def varied(spline: NDArray[np.floating], random: np.random.Generator) -> NDArray[np.floating]:
    """Another way that a slice could be: float [H, W] in HU, as large as its cubic spline's coefficients.

    Turned by any angle about its middle, stretched, moved and bent (Simard et al., 2003). Air comes in at the edges.
    """
    angle = random.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(random.uniform(-STRETCH, STRETCH, 2))
    shift = random.uniform(-SHIFT, SHIFT, 2)
    middle = (np.array(spline.shape) - 1)[:, None, None] / 2
    bend = np.stack([zoom(random.normal(0, BEND, (BENDS, BENDS)), np.array(spline.shape) / BENDS) for _ in range(2)])
    place = np.indices(spline.shape) - middle + bend + shift[:, None, None]
    source = np.einsum("ij,jyx->iyx", turn * stretch, place) + middle
    found: NDArray[np.floating] = map_coordinates(spline, source, order=3, cval=AIR, prefilter=False)
    return found

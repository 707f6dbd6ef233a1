"""Anyone's pairs of pictures, in either of the two layouts that people keep them in.

    FOLDER/A/shoe 1.png  FOLDER/B/shoe 1.jpg      --pairs folders: the same name in both, whatever the format
    FOLDER/shoe 1.jpg                             --pairs side-by-side: A on the left and B on the right in one file

Sizes and modes may be any; subfolders may be there, and where all pictures lie in ones called train, val and test (of A
and of B, or of the folder), those are the splits. Else a pair's split follows from the contents of A, or of the file.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.config import PairLayout
from training.data.dataset import SPLITS, DataInfo, ImageData, Split, check_memory, fit
from training.data.folder import UnusableError, hidden, opened, skip_notes, split_of
from training.errors import TrainingError

PARTNERLESS = "no partner of the same name"
UNLIKE = 0.02
"""Relative difference in aspect ratio from which two pictures do not show the same section."""


@dataclass(frozen=True)
class _Pair:
    """Both pictures uint8 [S, S, C], the sha256 of the first file, its path inside A, and whether the shapes agree."""

    a: NDArray[np.uint8]
    b: NDArray[np.uint8]
    digest: str
    path: Path
    alike: bool


def read_pairs(folder: Path, image_size: int, channels: int, layout: PairLayout) -> ImageData:
    """Read all pairs under `folder`, A as sources and B as images. Raises TrainingError if there is no usable one."""
    if layout == "folders":
        places, lonely = _by_name(folder)
    else:
        places, lonely = [(path, path) for path in _files(folder)], []
    check_memory(2 * len(places), image_size, channels)

    def attempt(place: tuple[Path, Path]) -> _Pair | tuple[str, Path]:
        read = _read_two if layout == "folders" else _read_halves
        try:
            return read(place, folder / "A" if layout == "folders" else folder, image_size, channels)
        except UnusableError as reason:
            return str(reason), place[0]
        except OSError:
            return "not readable", place[0]

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(attempt, places))
    pairs = sorted((each for each in results if isinstance(each, _Pair)), key=lambda pair: (pair.digest, pair.path))
    skipped = [each for each in results if not isinstance(each, _Pair)]
    notes = skip_notes([(PARTNERLESS, path) for path in lonely] + skipped)
    if not pairs:
        wanted = (
            "files of the same name in its A/ and its B/"
            if layout == "folders"
            else "pictures with A on the left and B on the right"
        )
        reason = f" ({notes[0].rstrip('.')})" if notes else ""
        raise TrainingError(f"The folder {folder} holds no usable pair; put {wanted}{reason}.")
    if unlike := sum(not pair.alike for pair in pairs):
        notes.append(
            f"In {unlike} of {len(pairs)} pairs the pictures have different shapes; each was cut to its middle."
        )
    return _as_data(pairs, folder.resolve().name, image_size, channels, notes)


def _as_data(pairs: list[_Pair], name: str, image_size: int, channels: int, notes: list[str]) -> ImageData:
    named = [pair.path.parts[0] if len(pair.path.parts) > 1 else "" for pair in pairs]
    splits = np.array(named if set(named) <= set(SPLITS) else [split_of(pair.digest) for pair in pairs])
    if "train" not in splits:
        splits[:] = "train"
    notes = notes + [
        f"There are too few pairs for a {split} split; metrics on it are left out."
        for split in ("val", "test")
        if split not in splits
    ]
    b_digests = "".join(hashlib.sha256(pair.b.tobytes()).hexdigest() for pair in pairs)
    identity = hashlib.sha256("".join(pair.digest for pair in pairs).encode() + b_digests.encode()).hexdigest()[:16]
    info = DataInfo(
        name=name,
        title=name,
        source="a folder of pairs of images",
        version=identity,
        licence="not stated",
        identity=identity,
        notes=notes,
    )
    sources, images = np.stack([pair.a for pair in pairs]), np.stack([pair.b for pair in pairs])

    def load(split: str) -> Split:
        rows = splits == split
        return Split(images[rows], np.zeros(int(rows.sum()), np.int64), {}, sources[rows])

    return ImageData(info, image_size, channels, load)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not hidden(path, folder))


def _by_name(folder: Path) -> tuple[list[tuple[Path, Path]], list[Path]]:
    """Files of A and of B with the same path inside them but for the suffix, and the files that have no partner."""
    if missing := [side for side in ("A", "B") if not (folder / side).is_dir()]:
        raise TrainingError(
            f"The folder {folder} has no {' and no '.join(missing)} in it; pairs are files of the same name in A and "
            "in B, or, with --pairs side-by-side, pictures with A on the left and B on the right."
        )
    sides = [
        {path.relative_to(folder / side).with_suffix(""): path for path in _files(folder / side)} for side in ("A", "B")
    ]
    both = sorted(sides[0].keys() & sides[1].keys())
    lonely = [path for side in sides for name, path in sorted(side.items()) if name not in set(both)]
    return [(sides[0][name], sides[1][name]) for name in both], lonely


def _read_two(place: tuple[Path, Path], root: Path, image_size: int, channels: int) -> _Pair:
    images = []
    for path in place:
        with path.open("rb") as file:
            images.append(opened(file))
    with place[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return _pair(images[0], images[1], digest, place[0].relative_to(root), image_size, channels)


def _read_halves(place: tuple[Path, Path], root: Path, image_size: int, channels: int) -> _Pair:
    path = place[0]
    with path.open("rb") as file:
        image = opened(file)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    half = image.width // 2
    if half == 0:
        raise UnusableError("too narrow to hold two pictures")
    left, right = (image.crop((at, 0, at + half, image.height)) for at in (0, image.width - half))
    return _pair(left, right, digest, path.relative_to(root), image_size, channels)


def _pair(a: Image.Image, b: Image.Image, digest: str, path: Path, image_size: int, channels: int) -> _Pair:
    alike = abs(a.width * b.height / (a.height * b.width) - 1) < UNLIKE
    return _Pair(fit(a, image_size, channels), fit(b, image_size, channels), digest, path, alike)

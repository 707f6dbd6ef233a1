"""Photographs: cut into disjoint pieces at half resolution, and split by photograph, from packages made here."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.packages import deb
from training.data import photos
from training.data.dataset import read_info, read_parquet
from training.data.photos import PIECES, SIZE, name_of, pieces
from training.data.sources import Source, package_path, read_source
from training.errors import TrainingError

WALLPAPERS = (
    *(f"{name}_by_Somebody.jpg" for name in sorted(photos.TEST | photos.VAL)),
    "sunset_by_Somebody.jpg",
    "hills3@2x.jpg",
)


def photograph(width: int, height: int) -> bytes:
    """A JPEG file whose red grows to the right and whose green grows downwards."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def pinned(files: dict[str, bytes]) -> Source:
    """The first of the real sources, with another package in its place, in the cache."""
    package = deb(files)
    source = replace(read_source("lomiri-16"), sha256=hashlib.sha256(package).hexdigest(), patterns=("*.jpg",))
    package_path(source).parent.mkdir(parents=True, exist_ok=True)
    package_path(source).write_bytes(package)
    return source


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENHUB_CACHE", str(tmp_path / "cache"))


def test_no_photograph_is_on_two_sides(tmp_path: Path) -> None:
    files = {f"usr/share/backgrounds/{name}": photograph(1100, 530) for name in WALLPAPERS}
    path = tmp_path / "photos.parquet"
    info = photos.build([pinned(files)], path)
    data = read_parquet(path, 64, 3)
    assert read_info(path) == info and info.licence == "CC-BY-SA-4.0"
    sides = {split: set(getattr(data, split).columns["photograph"]) for split in ("train", "val", "test")}
    names = {split: {info.columns["photograph"][number] for number in found} for split, found in sides.items()}
    assert names == {"train": {"sunset"}, "val": photos.VAL | {"hills3"}, "test": photos.TEST}
    first = data.test.columns["photograph"][: len(photos.TEST)]
    assert len(set(first)) == len(photos.TEST), "one piece of each before a second of any"


def test_a_package_without_the_held_out_photographs_is_one_sentence(tmp_path: Path) -> None:
    source = pinned({"usr/share/backgrounds/sunset_by_Somebody.jpg": photograph(520, 520)})
    with pytest.raises(TrainingError, match="lack 'ColorfulCups', which the split needs"):
        photos.build([source], tmp_path / "photos.parquet")
    assert not (tmp_path / "photos.parquet").exists()


def test_pieces_are_disjoint_at_half_resolution_and_spread_over_a_large_photograph() -> None:
    few = pieces(photograph(2 * SIZE * 3 + 40, 2 * SIZE * 2))
    assert [piece.size for piece in few] == [(SIZE, SIZE)] * 6
    reds = [np.asarray(piece)[..., 0] for piece in few[:3]]
    assert reds[0].max() <= reds[1].min() + 3 and reds[1].max() <= reds[2].min() + 3
    many = pieces(photograph(2 * SIZE * 7, 2 * SIZE * 6))
    assert len(many) == PIECES
    greens = [int(np.asarray(piece)[..., 1].mean()) for piece in many]
    assert min(greens) < 40 and max(greens) > 215


def test_names_are_without_author_and_size() -> None:
    assert name_of("Picture_0B_by_freespace.jpg") == "Picture_0B"
    assert name_of("LadyBird.jpg") == "LadyBird"
    assert name_of("beach10-sfiera@2x.jpg") == "beach10-sfiera"
    assert name_of("Path/contents/images/2560x1600.jpg") == "Path"


def test_a_broken_photograph_is_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^A photograph could not be read"):
        pieces(photograph(600, 600)[:900])

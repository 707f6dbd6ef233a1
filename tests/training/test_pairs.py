"""Paired data: both pictures of a pair, from Parquet, from folders by name, and side by side; the rest is told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from training import cli
from training.config import Pairing
from training.data.dataset import read_parquet
from training.data.emoji import Emoji
from training.data.open import open_data
from training.data.paired_folder import read_pairs
from training.data.pairs import openmoji_list, telling
from training.errors import TrainingError

from .commands import TINY

PAIRED_TINY = TINY.with_name("openmoji_tiny.parquet")
FORWARD, BACKWARD = Pairing("folders", "AtoB"), Pairing("folders", "BtoA")


def write(path: Path, grey: int, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).convert(mode).save(path)


def test_the_tiny_slice_has_both_pictures_of_every_pair_and_an_unpaired_reader_does_not_mind() -> None:
    data = read_parquet(PAIRED_TINY, 64, 3)
    assert (len(data.train), len(data.val), len(data.test)) == (24, 8, 8)
    assert data.train.sources is not None and data.train.sources.shape == data.train.images.shape
    assert not data.train.columns, "the source is no column of numbers"
    colour = np.ptp(data.train.images.astype(int), axis=3).mean()
    assert np.ptp(data.train.sources.astype(int), axis=3).mean() < 0.1 * colour, "outlines are black on white"
    assert read_parquet(TINY, 32, 1).train.sources is None


def test_the_other_direction_swaps_the_pictures() -> None:
    there, back = (open_data(str(PAIRED_TINY), 64, 3, pairing=pairing) for pairing in (FORWARD, BACKWARD))
    assert there.val.sources is not None and back.val.sources is not None
    assert np.array_equal(there.val.sources, back.val.images) and np.array_equal(there.val.images, back.val.sources)


def test_files_of_the_same_name_are_pairs_whatever_their_format_size_and_mode(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / "A" / f"{number}.png", 10 * number, (50, 50), "LA")
        write(tmp_path / "B" / f"{number}.{'jpg' if number % 2 else 'webp'}", 10 * number + 100, (90, 90))
    write(tmp_path / "A" / "deep" / "lonely.png", 0)
    write(tmp_path / "B" / "nobody.png", 0)
    (tmp_path / "A" / "broken.png").write_bytes(b"no picture")
    write(tmp_path / "B" / "broken.png", 0)
    data = read_pairs(tmp_path, 32, 3, "folders")
    sources, images = (
        np.concatenate([getattr(each, name) for each in (data.train, data.val, data.test)]).astype(int)
        for name in ("sources", "images")
    )
    assert len(sources) == 12
    assert np.abs(images.mean((1, 2, 3)) - sources.mean((1, 2, 3)) - 100).max() < 3, "each beside its own partner"
    told = " ".join(data.info.notes)
    assert "Skipped 2 files (no partner of the same name): lonely.png, nobody.png." in told
    assert "Skipped 1 file (not an image): broken.png." in told


def test_pictures_side_by_side_are_cut_in_the_middle(tmp_path: Path) -> None:
    for number in range(8):
        picture = Image.new("RGB", (81, 40), "white")  # an odd width: the middle column belongs to neither
        ImageDraw.Draw(picture).rectangle((0, 0, 39, 39), fill=(number, number, number))
        picture.save(tmp_path / f"{number}.png")
    write(tmp_path / "sliver.png", 0, (1, 40))
    data = read_pairs(tmp_path, 32, 1, "side-by-side")
    assert data.train.sources is not None
    assert data.train.sources.max() <= 8 and data.train.images.min() == 255
    assert "too narrow to hold two pictures" in " ".join(data.info.notes)


def test_folders_called_train_val_and_test_are_the_splits(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        for number in range(count):
            for side in ("A", "B"):
                write(tmp_path / side / split / f"{number}.png", 50)
    data = read_pairs(tmp_path, 32, 3, "folders")
    assert (len(data.train), len(data.val), len(data.test)) == (4, 2, 3)


def test_pictures_of_different_shapes_are_told(tmp_path: Path) -> None:
    write(tmp_path / "A" / "1.png", 0, (40, 40))
    write(tmp_path / "B" / "1.png", 0, (80, 40))
    told = " ".join(read_pairs(tmp_path, 32, 3, "folders").info.notes)
    assert "In 1 of 1 pairs the pictures have different shapes; each was cut to its middle." in told


def test_what_holds_no_pairs_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"has no A and no B in it; pairs are files of the same name"):
        read_pairs(tmp_path, 32, 3, "folders")
    write(tmp_path / "A" / "1.png", 0)
    write(tmp_path / "B" / "2.png", 0)
    with pytest.raises(TrainingError, match=r"holds no usable pair; put files of the same name in its A/ and its B/"):
        read_pairs(tmp_path, 32, 3, "folders")
    with pytest.raises(
        TrainingError,
        match=r"has no pairs, and this family .* name one that has \(ct-lowdose, fluent3d, noto-fluent, openmoji\)",
    ):
        len(open_data(str(TINY), 32, 1, pairing=FORWARD).train)


def test_the_command_line_refuses_unpaired_data_and_leaves_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.train(["pix2pix", "--preset", "smoke", "--data", str(TINY), "--out", str(tmp_path / "run")]) != 0
    assert "has no pairs" in capsys.readouterr().err
    assert not (tmp_path / "run" / "config.json").exists()


def drawing(box: tuple[int, int, int, int], fill: str, outline: bool) -> Image.Image:
    picture = Image.new("RGB", (128, 128), "white")
    ImageDraw.Draw(picture).rectangle(box, fill=None if outline else fill, outline="black", width=4)
    return picture


def test_outlines_that_do_not_tell_the_colours_are_left_out() -> None:
    emoji = Emoji("1f7e5", "square", 7)
    small, large = (30, 30, 60, 60), (10, 10, 118, 118)
    blank = Image.new("RGB", (128, 128), "white")
    pairs = [
        (emoji, drawing(small, "red", True), drawing(small, "red", False)),
        (emoji, drawing(large, "red", True), drawing(large, "red", False)),
        (emoji, drawing(large, "blue", True), drawing(large, "blue", False)),
        (emoji, blank, drawing(large, "red", False)),
    ]
    assert telling(pairs) == pairs[:1]
    assert telling([pairs[1], pairs[1]]) == [pairs[1], pairs[1]], "twins of one colour agree"


def test_openmoji_s_list_is_without_skin_tones_flags_and_brands() -> None:
    entry = {"hexcode": "1F600", "annotation": "grin", "group": "smileys-emotion", "subgroups": "x", "skintone": ""}
    entries = [
        entry,
        entry | {"skintone": "1F3FB"},
        entry | {"group": "flags"},
        entry | {"group": "extras-openmoji", "subgroups": "brand"},
        entry | {"group": "extras-openmoji", "hexcode": "E000-FE0F"},
    ]
    found = openmoji_list(json.dumps(entries).encode())
    assert found == [(Emoji("1f600", "grin", 0), "1F600"), (Emoji("e000", "grin", 8), "E000-FE0F")]
    assert replace(found[0][0], name="other").split == found[0][0].split

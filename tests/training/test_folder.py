"""Anyone's images: every size, mode and format; what cannot be used is skipped and named."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import cli
from training.data import dataset
from training.data.folder import read_folder, read_image, to_eight_bits
from training.errors import TrainingError

RAMP = np.linspace(0, 255, 64 * 64).reshape(64, 64)


def colourful() -> Image.Image:
    red, green = np.meshgrid(np.linspace(0, 255, 40), np.linspace(0, 255, 30))
    return Image.fromarray(np.stack([red, green, red * 0 + 80], axis=2).astype(np.uint8))


@pytest.fixture
def nasty(tmp_path: Path) -> Path:
    """A folder of everything that breaks other readers."""
    folder = tmp_path / "nasty"
    (folder / "deep" / "er").mkdir(parents=True)
    picture = colourful()
    picture.save(folder / "plain.png")
    picture.save(folder / "photo.JPG", "JPEG")
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    picture.convert("P").save(folder / "palette.gif")
    picture.convert("P").save(folder / "transparent.png", transparency=3)
    picture.convert("LA").save(folder / "grey alpha.png")
    picture.convert("1").save(folder / "bilevel.png")
    picture.save(folder / "deep" / "er" / "web.webp")
    picture.resize((1, 1)).save(folder / "one pixel.png")
    picture.resize((3, 400)).save(folder / "narrow.bmp")
    Image.fromarray((RAMP * 257).astype(np.uint16)).save(folder / "sixteen.png")
    Image.fromarray((RAMP / 255).astype(np.float32)).save(folder / "float.tiff")
    whole = (folder / "plain.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("I am no image")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("nor am I")
    (folder / ".DS_Store").write_text("hidden, not even mentioned")
    return folder


def test_all_images_are_read_and_the_rest_is_named(nasty: Path) -> None:
    data = read_folder(nasty, 32, 3)
    count = sum(len(split) for split in (data.train, data.val, data.test))
    assert count == 12
    assert data.train.images.dtype == np.uint8 and data.train.images.shape[1:] == (32, 32, 3)
    notes = " ".join(data.info.notes)
    assert "Skipped 3 files (not an image)" in notes and "text.png" in notes
    assert "Skipped 1 file (damaged): truncated.png." in notes
    assert "DS_Store" not in notes


def test_colours_survive_every_format(nasty: Path) -> None:
    expected = read_image(nasty / "plain.png", 32, 3).pixels.astype(int)
    for name, tolerance in (("photo.JPG", 6), ("cmyk.jpg", 12), ("palette.gif", 40), ("deep/er/web.webp", 8)):
        assert np.abs(read_image(nasty / name, 32, 3).pixels - expected).mean() < tolerance, name


@pytest.mark.parametrize("name", ["sixteen.png", "float.tiff"])
def test_deep_images_keep_their_greys(nasty: Path, name: str) -> None:
    pixels = read_image(nasty / name, 64, 1).pixels[:, :, 0]
    assert np.abs(pixels - RAMP).max() <= 1


def test_transparent_parts_become_white() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert np.asarray(to_eight_bits(clear)).min() == 255


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.new("L", (32, 32))
    image.paste(255, (0, 0, 32, 16))  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "turned.png", exif=exif)
    pixels = read_image(tmp_path / "turned.png", 32, 1).pixels
    assert pixels[:16].max() == 0 and pixels[16:].min() == 255


def test_small_images_are_padded_not_blurred(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    read = read_image(tmp_path / "digit.png", 32, 1).pixels
    assert np.array_equal(read[2:30, 2:30, 0], pixels) and read[:2].max() == 0


def test_split_follows_contents_not_names(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    generator = np.random.default_rng(0)
    for index in range(60):
        Image.fromarray(generator.integers(0, 256, (8, 8), np.uint8)).save(first / f"{index}.png")
        shutil.copy(first / f"{index}.png", second / f"renamed {100 - index}.png")
    one, other = read_folder(first, 8, 1), read_folder(second, 8, 1)
    assert one.info.identity == other.info.identity
    for split in ("train", "val", "test"):
        assert np.array_equal(getattr(one, split).images, getattr(other, split).images)
    assert 40 < len(one.train) < 60 and len(one.test) > 0


def test_subfolders_are_classes(tmp_path: Path) -> None:
    for name, grey in (("cats", 50), ("dogs", 200)):
        (tmp_path / name).mkdir()
        for index in range(3):
            Image.new("L", (8, 8), grey + index).save(tmp_path / name / f"{index}.png")
    data = read_folder(tmp_path, 8, 1)
    assert data.info.class_names == ["cats", "dogs"]
    assert ((data.train.images[:, 0, 0, 0] > 100) == data.train.labels).all()


def test_useless_folders_are_refused_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="There is no folder"):
        read_folder(tmp_path / "missing", 32, 3)
    with pytest.raises(TrainingError, match="is empty"):
        read_folder(tmp_path, 32, 3)
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(TrainingError, match=r"no usable image \(Skipped 1 file \(not an image\): a.txt\)"):
        read_folder(tmp_path, 32, 3)
    monkeypatch.setattr(dataset, "MEMORY_LIMIT", 1000)
    with pytest.raises(TrainingError, match="--image-size"):
        read_folder(tmp_path, 32, 3)


def test_the_command_line_trains_on_a_folder_and_says_what_it_skipped(
    nasty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--preset", "smoke", "--max-steps", "3", "--channels", "3", "--image-size", "16"]
    assert cli.train(["vae", *flags, "--data", str(nasty), "--out", str(tmp_path / "run")]) == 0
    assert "Skipped 1 file (damaged): truncated.png." in capsys.readouterr().err


def test_hub_data_sets_are_read_through_the_datasets_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    from training.data.hub import read_hub

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    features = datasets.Features({"img": datasets.Image(), "kind": datasets.ClassLabel(names=["dark", "light"])})
    rows: dict[str, list[object]] = {"img": [], "kind": []}
    for index in range(40):
        buffer = io.BytesIO()
        Image.new("L", (8, 8), 6 * index).save(buffer, "PNG")
        rows["img"].append({"bytes": buffer.getvalue() if index else b"broken", "path": None})
        rows["kind"].append(int(index >= 20))
    (tmp_path / "set").mkdir()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(
        str(tmp_path / "set" / "train-00000-of-00001.parquet")
    )

    data = read_hub(str(tmp_path / "set"), 8, 1)
    assert data.info.class_names == ["dark", "light"]
    assert len(data.train) + len(data.val) + len(data.test) == 39
    assert data.info.notes == ["Skipped 1 damaged image."]
    assert ((data.train.images[:, 0, 0, 0] >= 120) == data.train.labels).all()
    with pytest.raises(TrainingError, match="could not be loaded"):
        read_hub(str(tmp_path / "nothing"), 8, 1)

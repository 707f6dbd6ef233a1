"""``hub.depth``: sixteen bits go in and come out, alpha and colours keep their meaning, and what is lost is said."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from hub.depth import Picture, read
from hub.errors import RequestError
from tests.hub.sentence import sentence


def levels(channels: int, bits: int, height: int = 20, width: int = 30) -> np.ndarray:
    kind = np.uint8 if bits == 8 else np.uint16
    return np.random.RandomState(0).randint(0, 2**bits, (height, width, channels), dtype=kind)


def written(path: Path, whole: np.ndarray, **about: Any) -> Path:
    """As a PNG by our own hand, or as a TIFF by somebody else's."""
    if path.suffix == ".png":
        colours, alpha = (whole[..., :-1], whole[..., -1:]) if whole.shape[2] in (2, 4) else (whole, None)
        path.write_bytes(Picture(colours, alpha).to_png())
    else:
        photometric = "rgb" if whole.shape[2] > 2 else "minisblack"
        extra = ["unassalpha"] if whole.shape[2] == 4 else None
        squeezed = whole[..., 0] if whole.shape[2] == 1 else whole
        tifffile.imwrite(path, squeezed, photometric=photometric, extrasamples=extra, **about)
    return path


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("a.png", {}),
        ("a.tiff", {}),
        ("a.tiff", {"byteorder": ">"}),
        ("a.tiff", {"compression": "zlib"}),
        ("a.tiff", {"compression": "zlib", "byteorder": ">"}),
        ("a.tiff", {"rowsperstrip": 3}),
    ],
)
def test_every_bit_is_read(tmp_path: Path, bits: int, channels: int, name: str, about: dict[str, Any]) -> None:
    whole = levels(channels, bits)
    picture = read(written(tmp_path / name, whole, **about))
    assert picture.bits == bits and picture.notes == ()
    assert np.array_equal(picture.pixels, whole[..., :3])
    assert (picture.alpha is None) == (channels != 4)
    assert picture.alpha is None or np.array_equal(picture.alpha, whole[..., 3:])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_what_is_written_is_a_png_that_others_read(bits: int, channels: int) -> None:
    whole = levels(channels, bits)
    colours, alpha = (whole[..., :-1], whole[..., -1:]) if channels in (2, 4) else (whole, None)
    png = Image.open(io.BytesIO(Picture(colours, alpha).to_png()))
    assert (png.format, png.size) == ("PNG", (30, 20))
    upper = whole if bits == 8 else whole >> 8  # of colour Pillow reads no more
    if (bits, channels) == (16, 1):
        upper = whole
    seen = np.asarray(png.convert("LA") if channels == 2 else png)
    assert np.array_equal(seen.reshape(upper.shape), upper)


def test_sixteen_bits_of_grey_with_alpha_are_read_as_eight_and_that_is_said(tmp_path: Path) -> None:
    picture = read(written(tmp_path / "a.png", levels(2, 16)))
    assert picture.bits == 8 and picture.alpha is not None and "more levels" in sentence(ValueError(*picture.notes))


@pytest.mark.parametrize("turn", range(1, 9))
def test_both_bytes_of_a_turned_picture_are_turned(tmp_path: Path, turn: int) -> None:
    whole = levels(3, 16)
    path = written(tmp_path / "a.tiff", whole, extratags=[(274, "H", 1, turn)])
    eight = written(tmp_path / "b.tiff", (whole >> 8).astype(np.uint8), extratags=[(274, "H", 1, turn)])
    assert np.array_equal(read(path).pixels >> 8, read(eight).pixels)
    assert read(path).pixels.shape == ((20, 30, 3) if turn < 5 else (30, 20, 3))


@pytest.mark.parametrize(
    ("mode", "shape", "alpha"),
    [
        ("1", 1, False),
        ("L", 1, False),
        ("LA", 1, True),
        ("P", 3, False),
        ("RGB", 3, False),
        ("RGBA", 3, True),
        ("CMYK", 3, False),
    ],
)
def test_every_mode_is_read(tmp_path: Path, mode: str, shape: int, alpha: bool) -> None:
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    Image.new(mode, (7, 5)).save(path)
    picture = read(path)
    assert picture.pixels.shape == (5, 7, shape) and picture.pixels.dtype == np.uint8
    assert (picture.alpha is not None) is alpha


@pytest.mark.parametrize("mode", ["I", "F"])
def test_more_than_sixteen_bits_become_eight_and_that_is_said(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (7, 5), 200).save(tmp_path / "a.tiff")
    picture = read(tmp_path / "a.tiff")
    assert picture.bits == 8 and (picture.pixels == 200).all()
    assert "more levels" in sentence(ValueError(*picture.notes))


def test_a_film_gives_its_first_picture_and_says_so(tmp_path: Path) -> None:
    frames = [Image.new("L", (9, 9), level) for level in (10, 200, 90)]
    for name in ("a.gif", "a.tiff"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        picture = read(tmp_path / name)
        assert picture.pixels.max() < 20
        assert picture.notes == ("The file holds 3 pictures; this is the first.",)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_colour_profile_stays(tmp_path: Path, bits: int) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "a.png").write_bytes(Picture(levels(3, bits), None, profile).to_png())
    assert read(tmp_path / "a.png").profile == profile


def test_a_large_photograph_is_read_in_full(tmp_path: Path) -> None:
    Image.new("RGB", (4100, 3000)).save(tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg").pixels.shape == (3000, 4100, 3)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(RequestError) as refused:
        read(tmp_path / "a.png")
    sentence(refused.value)


def test_half_a_file_of_sixteen_bits_is_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", levels(3, 16, 100, 100))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(RequestError, match="damaged") as refused:
        read(path)
    sentence(refused.value)


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bits", [8, 16])
def test_a_model_that_changes_nothing_loses_nothing(bits: int) -> None:
    picture = Picture(levels(3, bits))
    before = picture.eight_bits()
    assert np.array_equal(picture.changed(before, before).pixels, picture.pixels)


def test_sixteen_bits_change_by_whole_levels_and_end_at_black_and_white() -> None:
    picture = Picture(np.array([[[0], [1000], [30000], [65535]]], np.uint16))
    before = picture.eight_bits()
    assert before.ravel().tolist() == [0, 4, 117, 255]
    brighter = picture.changed(before, (before.astype(int) + 2).clip(0, 255).astype(np.uint8))
    assert brighter.pixels.ravel().tolist() == [514, 1514, 30514, 65535]
    darker = picture.changed(before, (before.astype(int) - 5).clip(0, 255).astype(np.uint8))
    assert darker.pixels.ravel().tolist() == [0, 0, 28715, 64250]

"""``hub.images``, the way in: whatever people upload reaches the model as a picture of its kind, or is refused."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hub.contract import ImageSpec
from hub.errors import RequestError
from hub.images import fit, plain_ground, read
from tests.hub.sentence import sentence

GREY, COLOUR = ImageSpec(height=32, width=32, channels=1), ImageSpec(height=24, width=32, channels=3)


def shirt(size: int = 200, ink: int = 40, paper: int = 250, mode: str = "L") -> Image.Image:
    """A dark rectangle, taller than wide, in the upper left of a light ground."""
    pixels = np.full((size, size), paper, np.uint8)
    pixels[size // 8 : size // 2, size // 8 : size * 3 // 8] = ink
    return Image.fromarray(pixels).convert(mode)


def saved(folder: Path, picture: Image.Image, name: str = "it.png", **options: Any) -> Path:
    picture.save(folder / name, **options)
    return folder / name


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("mode", "name", "becomes"),
    [
        ("1", "a.png", "L"),
        ("L", "a.png", "L"),
        ("LA", "a.png", "RGBA"),
        ("P", "a.gif", "RGB"),
        ("RGB", "a.jpg", "RGB"),
        ("CMYK", "a.jpg", "RGB"),
        ("YCbCr", "a.jpg", "RGB"),
        ("RGBA", "a.png", "RGBA"),
        ("RGB", "a.webp", "RGB"),
        ("RGB", "a.tiff", "RGB"),
        ("I", "a.tiff", "L"),
        ("F", "a.tiff", "L"),
    ],
)
def test_every_mode_is_read_as_eight_bits(tmp_path: Path, mode: str, name: str, becomes: str) -> None:
    picture = read(saved(tmp_path, shirt(mode=mode), name))
    assert picture.mode == becomes and picture.size == (200, 200)
    grey = np.asarray(picture.convert("L")).astype(int)
    assert abs(grey[50, 50] - (40 if mode != "1" else 0)) < 12 and grey[-1, -1] > 235


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    deep = Image.fromarray(np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16))
    levels = np.asarray(read(saved(tmp_path, deep)))
    assert levels.min() == 0 and levels.max() == 255 and 120 < levels.mean() < 135


def test_a_photograph_from_a_phone_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    assert read(saved(tmp_path, Image.new("RGB", (40, 20)), "a.jpg", exif=exif)).size == (20, 40)


def test_a_film_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("L", (9, 9), level) for level in (10, 200)]
    path = saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(read(path).convert("L")).max() < 20


def _truncated(path: Path) -> None:
    saved(path.parent, Image.fromarray(np.random.RandomState(0).randint(0, 256, (99, 99), np.uint8)), path.name)
    path.write_bytes(path.read_bytes()[:2000])


def _bomb(path: Path) -> None:
    """A PNG of a hundred bytes that claims to be 60,000 x 60,000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda path: path.write_bytes(b""), "not a picture"),
        (lambda path: path.write_text("hello"), "not a picture"),
        (lambda path: path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>"), "not a picture"),
        (_truncated, "damaged"),
        (_bomb, "too large"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, write: Callable[[Path], None], complaint: str
) -> None:
    write(tmp_path / "it.png")
    with pytest.raises(RequestError) as refused:
        read(tmp_path / "it.png")
    assert complaint in sentence(refused.value)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="too large"):
        read(saved(tmp_path, Image.new("L", (2000, 1001))), limit=2_000_000)


# ── Fitting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_picture_of_the_model_s_own_kind_keeps_every_pixel() -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (32, 32), dtype=np.uint8)
    pixels[[0, -1]] = 0
    pixels[:, [0, -1]] = 0
    assert np.array_equal(fit(Image.fromarray(pixels), GREY, ground=0)[..., 0], pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (33, 31), (640, 480)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("spec", [GREY, COLOUR, ImageSpec(height=16, width=16, channels=4)])
@pytest.mark.parametrize("ground", [None, 0, 255])
def test_any_size_and_mode_is_fitted(size: tuple[int, int], mode: str, spec: ImageSpec, ground: int | None) -> None:
    image = fit(Image.new(mode, size, 77 if mode == "L" else tuple([77] * len(mode))), spec, ground=ground)
    assert (image.shape, image.dtype) == ((spec.height, spec.width, spec.channels), np.uint8)


def test_a_dark_motif_on_white_becomes_a_light_one_on_black_in_the_middle() -> None:
    image = fit(shirt(), GREY, ground=0)[..., 0]
    assert image[0].max() < 16 and image[:, 0].max() < 16 and image[16, 16] > 200
    rows, columns = np.flatnonzero(image.max(axis=1) > 100), np.flatnonzero(image.max(axis=0) > 100)
    assert (rows[0], rows[-1]) == (2, 29), "the margin of the training pictures"
    assert abs(columns.mean() - 15.5) <= 1 and len(columns) < len(rows)


@pytest.mark.parametrize(
    ("background", "ground", "inverted"),
    [
        ("auto", 0, True),
        ("auto", 255, False),
        ("auto", None, False),
        ("keep", 0, False),
        ("invert", 255, True),
        ("invert", None, True),
    ],
)
def test_the_background_is_inverted_where_it_should_be(background: Any, ground: int | None, inverted: bool) -> None:
    assert bool(fit(shirt(), GREY, background, ground)[0, 0, 0] < 128) is inverted


@pytest.mark.parametrize("paper", [255, 230, 180])
def test_paper_that_is_not_quite_white_becomes_the_black_of_the_training_pictures(paper: int) -> None:
    image = fit(shirt(paper=paper), GREY, ground=0)
    assert image[0, 0, 0] == 0 and image[16, 16, 0] > 180


def test_colours_are_only_inverted_when_asked_and_alpha_never() -> None:
    assert fit(Image.new("RGB", (9, 9), "white"), COLOUR, "auto", 0).min() == 255
    assert fit(Image.new("RGB", (9, 9), "white"), COLOUR, "invert", 0).max() == 0
    alpha = fit(Image.new("RGBA", (9, 9), (255, 255, 255, 200)), ImageSpec(height=8, width=8, channels=4), "invert")
    assert alpha[0, 0].tolist() == [0, 0, 0, 200]


@pytest.mark.parametrize("ink", [0, 255])
def test_a_drawing_on_nothing_never_disappears(ink: int) -> None:
    drawing = Image.new("RGBA", (64, 64), (ink, ink, ink, 0))
    drawing.paste((ink, ink, ink, 255), (20, 20, 44, 44))
    image = fit(drawing, GREY, ground=0)
    assert image[0, 0, 0] == 0 and image[16, 16, 0] == 255


def test_a_photograph_is_cut_to_the_model_s_proportions() -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = 200
    assert fit(Image.fromarray(wide), ImageSpec(height=20, width=20, channels=3), ground=None).mean() > 190


def test_no_other_word_for_the_background_is_taken() -> None:
    with pytest.raises(RequestError) as refused:
        fit(shirt(), GREY, "black")  # type: ignore[arg-type]
    assert "background" in sentence(refused.value)


@pytest.mark.parametrize(
    ("borders", "ground"), [([0, 3, 0], 0), ([255, 250], 255), ([0, 255], None), ([120, 130], None), ([], None)]
)
def test_a_plain_ground_is_one_that_all_pictures_share(borders: list[int], ground: int | None) -> None:
    pictures = [np.full((8, 8, 1), border, np.uint8) for border in borders]
    for picture in pictures:
        picture[2:6, 2:6] = 128
    assert plain_ground(pictures) == ground

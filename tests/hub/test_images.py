"""``hub.images``: what leaves the hub holds exactly the pixels that the model made."""

import io
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from hub.images import enlarge, grid, there_and_back, to_gif, to_pil, to_png, to_zip


def pictures(count: int, channels: int, height: int = 5, width: int = 7) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (count, height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_png_gives_back_the_same_pixels(channels: int, mode: str) -> None:
    image = pictures(1, channels)[0]
    read = Image.open(io.BytesIO(to_png(image)))
    assert (read.format, read.mode, read.size) == ("PNG", mode, (7, 5))
    assert np.array_equal(np.asarray(read).reshape(image.shape), image)
    assert to_pil(image).mode == mode


@pytest.mark.parametrize(
    ("count", "columns", "rows_by_columns"),
    [(1, None, (1, 1)), (5, None, (2, 3)), (16, None, (4, 4)), (5, 5, (1, 5)), (5, 1, (5, 1)), (2, 4, (1, 4))],
)
def test_a_grid_has_every_picture_in_reading_order_on_white(
    count: int, columns: int | None, rows_by_columns: tuple[int, int]
) -> None:
    images, gap = pictures(count, 3), 2
    sheet = grid(images, columns, gap)
    rows, across = rows_by_columns
    assert sheet.shape == (rows * (5 + gap) - gap, across * (7 + gap) - gap, 3)
    covered = np.zeros(sheet.shape[:2], bool)
    for index, image in enumerate(images):
        top, left = index // across * (5 + gap), index % across * (7 + gap)
        assert np.array_equal(sheet[top : top + 5, left : left + 7], image)
        covered[top : top + 5, left : left + 7] = True
    assert (sheet[~covered] == 255).all()


@pytest.mark.parametrize(("at_least", "factor"), [(1, 1), (5, 1), (6, 2), (50, 10)])
def test_enlarging_repeats_pixels_until_the_short_side_is_long_enough(at_least: int, factor: int) -> None:
    images = pictures(2, 3)
    large = enlarge(images, at_least)
    assert large.shape == (2, 5 * factor, 7 * factor, 3)
    assert np.array_equal(large[:, ::factor, ::factor], images)
    assert np.array_equal(large[:, factor - 1 :: factor, factor - 1 :: factor], images)


def test_an_archive_holds_each_png_under_its_name() -> None:
    pngs = {f"{index}.png": to_png(image) for index, image in enumerate(pictures(3, 1))}
    with zipfile.ZipFile(io.BytesIO(to_zip(pngs))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == pngs


def test_an_archive_is_the_same_whenever_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    pngs = {"0.png": to_png(pictures(1, 1)[0])}
    made = to_zip(pngs)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(1e9))
    assert to_zip(pngs) == made


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_gif_goes_there_and_back_for_ever(count: int, channels: int) -> None:
    film = Image.open(io.BytesIO(to_gif(pictures(count, channels))))
    assert (film.format, film.size) == ("GIF", (7, 5))
    assert getattr(film, "n_frames", 1) == max(1, 2 * count - 2)
    if count > 1:
        assert film.info["loop"] == 0


def test_a_film_rests_at_both_ends_for_as_long() -> None:
    assert there_and_back(4) == ([0, 1, 2, 3, 2, 1], [6, 1, 1, 6, 1, 1])
    assert there_and_back(1) == ([0], [6]) and there_and_back(2) == ([0, 1], [6, 6])

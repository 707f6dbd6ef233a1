"""``hub.tasks.translate``: any size goes in and comes out, and a picture done in parts is the picture done at once."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hub import open_model
from hub.errors import BundleError, RequestError
from hub.runtime.engine import Engine
from hub.tasks import speak
from hub.tasks.sample import SampleModel
from hub.tasks.translate import WHOLE, TranslateModel, even_side, parts
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence
from tests.hub.tiny_translator import REACH, write_tiny_translator


def model(folder: Path, **options: object) -> TranslateModel:
    write_tiny_translator(folder / "tiny", **options)  # type: ignore[arg-type]
    opened = open_model(folder / "tiny")
    assert isinstance(opened, TranslateModel)
    return opened


def noise(*shape: int) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, shape, dtype=np.uint8)


def off_by(ours: np.ndarray, theirs: np.ndarray) -> int:
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype == np.uint8
    return int(np.abs(ours.astype(int) - theirs.astype(int)).max())


@pytest.mark.parametrize("channels", [1, 3])
def test_one_picture_gives_one_and_a_batch_a_batch(tmp_path: Path, channels: int) -> None:
    tiny = model(tmp_path, channels=channels)
    batch = noise(3, 20, 28, channels)
    translated = tiny.translate(batch)
    assert translated.shape == batch.shape and translated.dtype == np.uint8
    for one, its in zip(batch, translated, strict=True):
        assert np.array_equal(tiny.translate(one), its)
    raw = tiny.model.run("translator", {"image": batch})["translated"]
    assert np.array_equal(translated, raw)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (4, 4), (5, 7), (31, 33), (64, 61)])
def test_any_size_comes_back_in_that_size_continued_by_reflection(tmp_path: Path, size: tuple[int, int]) -> None:
    tiny = model(tmp_path)
    picture = noise(*size, 1)
    whole = np.pad(picture, ((0, -size[0] % 4), (0, -size[1] % 4), (0, 0)), mode="reflect")
    assert np.array_equal(tiny.translate(picture), tiny.translate(whole)[: size[0], : size[1]])


@pytest.mark.parametrize("size", [(64, 64), (65, 200), (203, 131), (300, 70), (72, 72), (73, 136)])
def test_a_picture_done_in_tiles_is_the_picture_done_at_once(tmp_path: Path, turn: Turn, size: tuple[int, int]) -> None:
    tiny = model(tmp_path, channels=3)
    picture = noise(*size, 3)
    turn(tile=1024)
    whole = tiny.translate(picture)
    turn(tile=64)
    shares: list[float] = []
    assert off_by(tiny.translate(picture, progress=shares.append), whole) <= 1
    assert shares == sorted(shares) and shares[-1] == 1
    if max(size) > 64 + 2 * 4:
        assert len(shares) > 1


def test_a_level_is_one_number_or_a_map_that_is_cut_as_the_picture_is(tmp_path: Path, turn: Turn) -> None:
    tiny, picture = model(tmp_path, told=True), noise(203, 131, 1)
    turn(tile=64)
    assert np.array_equal(tiny.translate(picture, level=0), picture)
    unknown = tiny.translate(picture)
    assert np.array_equal(tiny.translate(picture, level=50), unknown) and off_by(unknown, picture) > 9
    left = np.zeros((203, 131), np.float32)
    left[:, :70] = 50
    for level in (left, left[None, ..., None]):
        both = tiny.translate(picture, level=level)
        assert np.array_equal(both[:, :70], unknown[:, :70]) and np.array_equal(both[:, 70:], picture[:, 70:])


@pytest.mark.parametrize("level", ["much", [1, 2], np.zeros((131, 203)), float("nan"), 256, {}, [[1], [2, 3]]])
def test_a_level_that_is_none_is_one_sentence(tmp_path: Path, level: Any) -> None:
    with pytest.raises(RequestError) as refused:
        model(tmp_path, told=True).translate(noise(203, 131, 1), level=level)
    assert "level" in sentence(refused.value)
    with pytest.raises(RequestError, match="'tiny-denoiser' cannot be told how much"):
        model(tmp_path / "blind").translate(noise(203, 131, 1), level=level)


def test_what_a_meter_reads_of_the_whole_picture_is_told_to_every_part(tmp_path: Path, turn: Turn) -> None:
    tiny, picture = model(tmp_path, told=True, meter=True), noise(203, 131, 1)
    picture[:, 70:] //= 4
    [read] = tiny.read_level(picture)
    assert read == pytest.approx(picture.mean() / 10, abs=0.3)
    turn(tile=1024)
    assert np.array_equal(tiny.translate(picture), tiny.translate(picture, level=50)), "in one part the model finds out"
    turn(tile=64)
    told = tiny.translate(picture, level=read)
    assert np.array_equal(tiny.translate(picture), told) and off_by(told, tiny.translate(picture, level=50)) > 5
    known = np.full((203, 131), -1, np.float32)
    known[:, :70] = 0
    partly = tiny.translate(picture, level=known)
    assert np.array_equal(partly[:, :70], picture[:, :70]) and np.array_equal(partly[:, 70:], told[:, 70:])
    batch = np.stack([picture, 255 - picture])
    assert np.array_equal(tiny.translate(batch)[0], told)
    assert np.array_equal(tiny.translate(batch)[1], tiny.translate(batch[1]))


@pytest.mark.parametrize("size", [(8, 8), (300, 1030), (2100, 90), (1100, 1500)])
def test_a_meter_is_given_squares_from_all_over_and_few_of_them(tmp_path: Path, size: tuple[int, int]) -> None:
    tiny = model(tmp_path, told=True, meter=True)
    slope = np.linspace(0, 200, size[1])[None, :, None] + np.linspace(0, 50, size[0])[:, None, None]
    seen = []
    run = tiny.model.run
    tiny.model.run = lambda graph, feeds: seen.append(feeds["image"].shape) or run(graph, feeds)  # type: ignore[assignment,method-assign,func-returns-value]
    [read] = tiny.read_level(slope.astype(np.uint8))
    assert read == pytest.approx(12.5, abs=0.7)
    [shape] = seen
    assert max(shape) <= 512 and max(shape) >= min(max(size), 256)


def test_without_a_meter_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"^'tiny-denoiser' has no meter"):
        model(tmp_path, told=True).read_level(noise(64, 64, 1))


def test_a_margin_less_than_the_reach_would_show(tmp_path: Path, turn: Turn) -> None:
    """The test above proves something: with a reach that is not the truth, the tiles do not join."""
    picture = noise(200, 200, 1)
    turn(tile=64)
    liar = model(tmp_path, reach=0)
    cut = liar.translate(picture)
    turn(tile=1024)
    assert off_by(cut, liar.translate(picture)) > 1


@pytest.mark.parametrize("length", [1, 63, 64, 65, 72, 73, 128, 1000])
@pytest.mark.parametrize("margin", [0, 4, 32, 100])
def test_parts_cover_everything_once_with_their_margin_and_in_one_shape(length: int, margin: int) -> None:
    made = list(parts(length, 64, margin))
    assert [at for each in made for at in range(length)[each.place]] == list(range(length))
    assert len({each.given.stop - each.given.start for each in made}) == 1
    for each in made:
        assert each.given.start >= 0 and each.given.stop <= length
        assert list(range(length)[each.given][each.kept]) == list(range(length)[each.place])
        assert each.kept.start >= margin or each.given.start == 0
        left = each.given.stop - each.place.stop
        assert left >= margin or each.given.stop == length


@pytest.mark.parametrize("length", [64, 128, 132, 200, 640, 1004])
def test_no_part_is_a_sliver_that_takes_as_long_as_the_others(length: int) -> None:
    before, even = (list(parts(length, side, 8)) for side in (64, even_side(length, 64, 8, 4)))
    sides = [each.place.stop - each.place.start for each in even]
    assert len(even) == len(before) and max(sides) - min(sides) <= 4 * len(even)
    assert even[0].given.stop <= before[0].given.stop
    assert all(each.given.start % 4 == each.place.start % 4 == 0 for each in even[:-1])
    assert even_side(80, 64, 8, 4) == 64, "what one part is given anyway stays whole"


@pytest.mark.parametrize("told", [False, True])
def test_twelve_megapixels_take_no_more_memory_than_the_pictures_and_a_tile(tmp_path: Path, told: bool) -> None:
    tiny = model(tmp_path, told=told)
    picture = noise(3000, 4000, 1)
    tiny.translate(picture[:600, :600])
    tracemalloc.start()
    translated = tiny.translate(picture)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert translated.shape == picture.shape
    assert peak < 4 * picture.nbytes  # what was given, its padded copy, the answer, and little else


def test_a_model_that_looks_at_everything_gets_the_whole_picture_or_refuses(tmp_path: Path, turn: Turn) -> None:
    tiny = model(tmp_path, reach=None)
    turn(tile=64)
    shares: list[float] = []
    tiny.translate(noise(300, 300, 1), progress=shares.append)
    assert shares == [1]
    with pytest.raises(RequestError, match=r"at most 4 megapixels, not 4\.1") as refused:
        tiny.translate(np.zeros((1, 2048, WHOLE // 2000, 1), np.uint8))
    sentence(refused.value)


def test_both_ways_where_there_are_two(tmp_path: Path) -> None:
    tiny = model(tmp_path, inverse=True)
    picture = noise(32, 32, 1)
    assert off_by(tiny.translate(picture, inverse=True), 255 - tiny.translate(picture)) <= 1
    told = model(tmp_path / "told", inverse=True, told=True)
    assert off_by(told.translate(picture, inverse=True), 255 - told.translate(picture)) <= 1, "the way back takes none"
    with pytest.raises(RequestError, match="it takes no level"):
        told.translate(picture, inverse=True, level=25)
    with pytest.raises(RequestError, match="has no inverse") as refused:
        model(tmp_path / "one", bundle_id="one").translate(picture, inverse=True)
    sentence(refused.value)


def test_a_model_of_one_size_takes_that_size_and_pictures_are_fitted_to_it(tmp_path: Path) -> None:
    tiny = model(tmp_path, dynamic=False, channels=3)
    assert tiny.translate(noise(2, 32, 32, 3)).shape == (2, 32, 32, 3)
    fitted = tiny.fitted(Image.new("L", (300, 200), 90))
    assert fitted.shape == (32, 32, 3) and (fitted == 90).all()
    with pytest.raises(RequestError, match=r"needs the shape \[batch, 32, 32, 3\]") as refused:
        tiny.translate(noise(33, 32, 3))
    sentence(refused.value)
    assert model(tmp_path / "any").fitted(Image.new("RGB", (7, 9))).shape == (9, 7, 1)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((0, 8, 8, 1), np.uint8),
        np.zeros((8, 0, 1), np.uint8),
        np.zeros((8, 8, 1), np.float32),
        np.full((8, 8, 1), 256),
        np.full((8, 8, 1), "a"),
        [[1, 2], [3]],
        None,
    ],
)
def test_what_is_no_picture_is_one_sentence(tmp_path: Path, images: object) -> None:
    with pytest.raises(RequestError) as refused:
        model(tmp_path).translate(images)  # type: ignore[arg-type]
    sentence(refused.value)


def test_a_model_of_another_task_is_one_sentence(tmp_path: Path) -> None:
    write_tiny_translator(tmp_path)
    tiny = Engine([tmp_path]).model("tiny-denoiser")
    with pytest.raises(BundleError, match="has the task 'translate'; give a model of the task 'sample'") as refused:
        speak(tiny, SampleModel)
    sentence(refused.value)
    assert tiny.bundle.reach == REACH

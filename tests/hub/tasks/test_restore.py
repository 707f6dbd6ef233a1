"""``hub.tasks.restore``: what a picture has beyond the model comes back with it, and the numbers beside it are true."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch

from hub import open_model
from hub.contract import Damage
from hub.depth import Picture
from hub.errors import BundleError, RequestError
from hub.tasks.damage import Kind, to_linear
from hub.tasks.restore import MEASURED, Restorer, Score, peers, psnr, rescored, scores, ssim
from hub.tasks.translate import TranslateModel
from tests.hub.sentence import sentence
from tests.hub.tiny_translator import smooth, write_tiny_translator
from training.damage import add_noise
from training.pixels import to_float, to_uint8

LOW_LIGHT = Damage(kind="low light", lowest=1, highest=5)


def restorer(folder: Path, **options: object) -> Restorer:
    write_tiny_translator(folder / "tiny", **options)  # type: ignore[arg-type]
    opened = open_model(folder / "tiny")
    assert isinstance(opened, TranslateModel)
    return Restorer(opened)


@pytest.fixture
def grey(tmp_path: Path) -> Restorer:
    return restorer(tmp_path / "grey")


@pytest.fixture
def colour(tmp_path: Path) -> Restorer:
    return restorer(tmp_path / "colour", channels=3)


def test_grey_by_grey_and_colour_by_colour_is_what_the_model_says(grey: Restorer, colour: Restorer) -> None:
    for model, channels in ((grey, 1), (colour, 3)):
        picture = smooth(40, 50, channels)
        restored = model.restore(Picture(picture))
        assert np.array_equal(restored.pixels, model.model.translate(picture)) and restored.notes == ()


def test_colour_through_a_model_of_grey_goes_channel_by_channel(grey: Restorer) -> None:
    picture = smooth(40, 50, 3)
    restored = grey.restore(Picture(picture))
    for channel in range(3):
        alone = grey.model.translate(picture[..., channel, None])
        assert np.array_equal(restored.pixels[..., channel, None], alone)
    assert "red, green and blue" in sentence(ValueError(*restored.notes))


def test_grey_through_a_model_of_colour_stays_grey(colour: Restorer) -> None:
    picture = smooth(40, 50, 1)
    restored = colour.restore(Picture(picture)).pixels
    assert restored.shape == picture.shape
    assert np.array_equal(restored, colour.model.translate(picture.repeat(3, axis=2))[..., :1])


def test_alpha_profile_and_depth_come_back(grey: Restorer) -> None:
    deep = smooth(40, 50, 3).astype(np.uint16) * 257 + 3
    alpha = np.random.RandomState(0).randint(0, 65536, (40, 50, 1), dtype=np.uint16)
    restored = grey.restore(Picture(deep, alpha, b"profile", ("A note.",)))
    assert restored.bits == 16 and restored.profile == b"profile" and restored.notes[0] == "A note."
    assert restored.alpha is not None and np.array_equal(restored.alpha, alpha)
    eight = grey.restore(Picture(smooth(40, 50, 3))).pixels
    assert np.array_equal(restored.pixels, (eight.astype(int) * 257 + 3).clip(0, 65535))
    assert any("8 of the 16 bits" in note for note in restored.notes)


def test_a_model_of_one_size_has_the_picture_fitted_and_that_is_said(tmp_path: Path) -> None:
    model = restorer(tmp_path, dynamic=False)
    fitted = model.accepted(Picture(smooth(40, 90, 3).astype(np.uint16) * 257))
    assert fitted.pixels.shape == (32, 32, 3) and "fitted to 32 x 32" in sentence(ValueError(*fitted.notes))
    assert model.restore(fitted).pixels.shape == (32, 32, 3)
    own = Picture(smooth(32, 32, 1))
    assert model.accepted(own) is own


def test_a_model_that_restores_nothing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="it restores none") as refused:
        restorer(tmp_path, restores=False)
    sentence(refused.value)


# ── Damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_noise_is_that_of_training_clipped_and_rounded_alike(grey: Restorer) -> None:
    clean = np.repeat([0, 10, 128, 255], 50).astype(np.uint8)[:, None, None].repeat(200, axis=1)
    drawn = np.random.RandomState(7).standard_normal(clean.shape)
    noisy = grey.damaged(Picture(clean), 25, seed=7).pixels
    planes = to_float(clean[None])
    wanted = to_uint8(((planes + 1) * 127.5 + 25 * torch.from_numpy(drawn).permute(2, 0, 1)).round() / 127.5 - 1)[0]
    assert np.array_equal(noisy, wanted)
    theirs = to_uint8(add_noise(planes, torch.tensor([25.0])))[0]
    for level in (0, 10, 128, 255):  # dark and light clip alike
        ours, others = noisy[clean == level], theirs[clean == level]
        assert abs(float(ours.mean()) - others.mean()) < 1.2 and abs(float(ours.std()) - others.std()) < 1.2


def test_a_seed_fixes_the_noise_and_no_noise_changes_nothing(grey: Restorer) -> None:
    picture = Picture(smooth(20, 30, 3), np.full((20, 30, 1), 9, np.uint8))
    first, again, other = (grey.damaged(picture, 25, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.pixels, again.pixels) and not np.array_equal(first.pixels, other.pixels)
    assert first.alpha is not None and (first.alpha == 9).all()
    assert np.array_equal(grey.damaged(picture, 0).pixels, picture.pixels)


def test_sixteen_bits_are_damaged_at_eight(grey: Restorer) -> None:
    deep = Picture(smooth(20, 30, 1).astype(np.uint16) * 257, np.full((20, 30, 1), 65535, np.uint16))
    damaged = grey.damaged(deep, 10)
    assert damaged.bits == 8 and damaged.alpha is not None and (damaged.alpha == 255).all()


@pytest.mark.parametrize(("type_", "most"), [(np.uint8, 255), (np.uint16, 65535)])
def test_an_exposure_afterwards_multiplies_light(tmp_path: Path, type_: type[np.generic], most: int) -> None:
    model = restorer(tmp_path, damage=LOW_LIGHT)
    picture = Picture(np.linspace(0, most, 300).astype(type_).reshape(10, 10, 3))
    light = to_linear(picture.pixels / most)
    for stops in (-2, -0.7, 0.5, 2):
        made = model.exposed(picture, stops)
        assert made.pixels.dtype == type_
        step = 0.005 if most == 255 else 2e-5  # half a level where sRGB is steepest
        assert np.abs(to_linear(made.pixels / most) - (light * 2.0**stops).clip(0, 1)).max() < step
    assert model.exposed(picture, 0) is picture


@pytest.mark.parametrize("stops", [2.1, -3, math.nan, math.inf, "1", None, True])
def test_an_exposure_that_is_none_is_one_sentence(tmp_path: Path, stops: object) -> None:
    with pytest.raises(RequestError) as refused:
        restorer(tmp_path, damage=LOW_LIGHT).exposed(Picture(smooth(8, 8, 1)), stops)
    assert "from -2 to 2 stops" in sentence(refused.value)


def measured(
    truth: Picture,
    damaged: Picture,
    restored: Picture,
    kind: Kind,
    level: float,
    others: Mapping[str, Restorer] = MappingProxyType({}),
) -> list[Score]:
    return [*scores(truth, damaged, restored, kind), *peers(truth, damaged, kind, level, others)]


def test_where_nothing_is_brightened_there_is_no_exposure(grey: Restorer) -> None:
    with pytest.raises(RequestError) as refused:
        grey.exposed(Picture(smooth(8, 8, 1)), 1)
    assert "brightens nothing" in sentence(refused.value)


def test_another_exposure_is_measured_again_and_all_else_stays(tmp_path: Path) -> None:
    model = restorer(tmp_path, damage=LOW_LIGHT)
    truth = Picture(smooth(40, 50, 1))
    dark = model.damaged(truth, 2)
    restored = model.restore(dark)
    known = measured(truth, dark, restored, model.kind, 2)
    brighter = model.exposed(restored, 1)
    found = rescored(known, truth, brighter, model.kind)
    numbers = [[(each.name, each.psnr, each.ssim) for each in made] for made in (known, found)]
    afresh = measured(truth, dark, brighter, model.kind, 2)
    assert numbers[1] == [(each.name, each.psnr, each.ssim) for each in afresh] and numbers[0][1] != numbers[1][1]
    assert np.array_equal(found[1].picture, brighter.pixels)


def test_a_model_that_can_be_told_is_told_and_another_refuses(grey: Restorer, tmp_path: Path) -> None:
    told, picture = restorer(tmp_path, told=True), grey.damaged(Picture(smooth(40, 50, 3)), 25)
    assert np.array_equal(told.restore(picture, level=0).pixels, picture.pixels)
    assert np.array_equal(told.restore(picture).pixels, told.restore(picture, level=55).pixels)
    assert not np.array_equal(told.restore(picture, level=10).pixels, told.restore(picture).pixels)
    for model, level in ((told, -1), (told, 56), (told, "loud"), (told, float("nan")), (told, True), (grey, 25)):
        with pytest.raises(RequestError, match="told") as refused:
            model.restore(picture, level=level)
        sentence(refused.value)


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (40, 50), (700, 400)])
def test_what_it_may_be_told_begins_at_about_what_there_is(tmp_path: Path, size: tuple[int, int]) -> None:
    told = restorer(tmp_path, told=True)
    for level in (0, 10, 30):
        found = told.suggested(told.damaged(Picture(smooth(*size, 3)), level))
        assert found == round(found) and (abs(found - level) <= 3 if min(size) > 2 else found == told.kind.start)
    slices = restorer(tmp_path / "ct", told=True, damage=Damage(kind="low-dose CT", lowest=2, highest=5))
    assert slices.suggested(Picture(smooth(40, 50, 1))) == 5, "nothing tells: the usual, or the most it knows"


@pytest.mark.parametrize("channels", [1, 3])
def test_who_has_a_meter_is_told_first_what_that_reads(tmp_path: Path, channels: int) -> None:
    model = restorer(tmp_path, told=True, meter=True, damage=LOW_LIGHT, channels=3)
    picture = Picture(np.full((40, 50, channels), 33, np.uint8))
    assert model.has_meter and model.metered(picture) == pytest.approx(3.3)
    assert model.suggested(picture) == 3.3
    assert model.suggested(Picture(picture.pixels * 5)) == 5, "the most it knows"
    assert model.suggested(Picture(picture.pixels // 20)) == 0.1


@pytest.mark.parametrize("level", [-1, 55.5, float("nan"), float("inf"), "25", None, True, [1], "9" * 10_000])
def test_a_noise_that_is_none_is_one_sentence(grey: Restorer, level: object) -> None:
    with pytest.raises(RequestError, match="from 0 to 55") as refused:
        grey.damaged(Picture(smooth(8, 8, 1)), level)
    sentence(refused.value)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "x", None])
def test_a_seed_that_is_none_is_one_sentence(grey: Restorer, seed: object) -> None:
    with pytest.raises(RequestError, match="The seed") as refused:
        grey.damaged(Picture(smooth(8, 8, 1)), 5, seed)
    sentence(refused.value)


def test_a_kind_of_damage_that_begins_above_nothing_can_still_be_left_out(tmp_path: Path) -> None:
    model = restorer(tmp_path, channels=3, damage=LOW_LIGHT)
    picture = Picture(smooth(300, 40, 3))
    assert np.array_equal(model.damaged(picture, 0).pixels, picture.pixels)
    assert model.damaged(picture, 3).pixels.mean() < picture.pixels.mean() / 2
    with pytest.raises(RequestError, match="The exposure taken away must be a number from 0 to 5") as refused:
        model.damaged(picture, 6)
    sentence(refused.value)


# ── Scores ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("channels", [1, 3])
def test_restored_lies_beside_damaged_and_the_baselines(grey: Restorer, channels: int) -> None:
    clean = Picture(smooth(300, 400, channels))
    damaged = grey.damaged(clean, 25)
    found = {each.name: each for each in measured(clean, damaged, grey.restore(damaged), grey.kind, 25)}
    assert list(found) == ["Damaged", "Restored", "Non-local means", "Total variation"]
    assert 20 < found["Damaged"].psnr < 21
    for name in ("Restored", "Non-local means", "Total variation"):
        assert found[name].psnr > found["Damaged"].psnr + 5
        assert (found[name].ssim or 0) > (found["Damaged"].ssim or 0)
        assert found[name].picture.shape == (MEASURED, MEASURED, channels)


def test_each_kind_of_damage_has_baselines_of_its_own(tmp_path: Path) -> None:
    model = restorer(tmp_path, channels=3, damage=LOW_LIGHT)
    clean = Picture(smooth(64, 80, 3))
    dark = model.damaged(clean, 3)
    found = {each.name: each for each in measured(clean, dark, model.restore(dark), model.kind, 3)}
    assert list(found) == ["Damaged", "Restored", "CLAHE", "Auto-exposure", "White patch"]
    for name in ("Auto-exposure", "White patch"):
        assert found[name].psnr > found["Damaged"].psnr + 3


def test_other_models_lie_beside_it_where_they_take_the_part_as_it_is(grey: Restorer, tmp_path: Path) -> None:
    others = {
        "like it": grey,
        "colour": restorer(tmp_path / "colour", channels=3),
        "one size": restorer(tmp_path / "size", dynamic=False),
    }
    for size, compared in ((64, {"like it"}), (32, {"like it", "one size"})):
        clean = Picture(smooth(size, size, 1))
        damaged = grey.damaged(clean, 25)
        found = {each.name: each for each in measured(clean, damaged, grey.restore(damaged), grey.kind, 25, others)}
        assert set(found) & set(others) == compared
        assert np.array_equal(found["like it"].picture, found["Restored"].picture)


def test_the_measures_are_what_their_papers_say() -> None:
    black, white = np.zeros((16, 16, 1), np.uint8), np.full((16, 16, 1), 255, np.uint8)
    assert psnr(black, white) == 0 and math.isinf(psnr(black, black))
    assert psnr(black, black + 5) == pytest.approx(20 * math.log10(255 / 5))
    assert ssim(black, black) == 1 and ssim(black, white) == pytest.approx(0, abs=1e-3)
    assert ssim(black[:10], black[:10]) is None


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (3, 50, 3), (11, 11, 3), (28, 28, 1)])
def test_tiny_pictures_are_scored_too_and_compared_where_there_are_neighbourhoods(
    grey: Restorer, shape: tuple[int, int, int]
) -> None:
    picture = Picture(smooth(*shape))
    damaged = grey.damaged(picture, 25)
    found = measured(picture, damaged, grey.restore(damaged), grey.kind, 25)
    assert len(found) == (4 if min(shape[:2]) >= 11 else 2)
    for score in found:
        assert score.picture.shape == shape and score.picture.dtype == np.uint8
        assert (score.ssim is None) == (min(shape[:2]) < 11)


def test_without_scikit_image_there_is_psnr_alone(grey: Restorer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("skimage", "skimage.metrics", "skimage.restoration"):
        monkeypatch.setitem(sys.modules, name, None)
    clean = Picture(smooth(32, 32, 1))
    damaged = grey.damaged(clean, 25)
    found = measured(clean, damaged, grey.restore(damaged), grey.kind, 25)
    assert [(each.name, each.ssim) for each in found] == [("Damaged", None), ("Restored", None)]

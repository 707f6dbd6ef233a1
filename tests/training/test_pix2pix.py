"""What Pix2Pix promises: pairs stay pairs, a picture comes out as it would alone, and measures mean what they say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.data.dataset import ImageData, Split, read_parquet
from training.errors import TrainingError
from training.families.pix2pix import PRESETS, Config, Generator, Trainer
from training.line_drawings import RegionFill, closed_regions, is_line_drawing
from training.loop import Feed
from training.pairing import other_pen, same_geometry, same_hue
from training.perceptual import PerceptualLoss, perceptual_distance
from training.pixels import to_float, to_uint8
from training.precision import new_accelerator
from training.translation import translation_metrics

from .commands import TINY
from .evaluator import need_imagenet

PAIRED_TINY = TINY.with_name("openmoji_tiny.parquet")
SMOKE = PRESETS["smoke"]


@pytest.fixture(scope="module")
def data() -> ImageData:
    return read_parquet(PAIRED_TINY, 64, 3)


def test_both_pictures_of_a_pair_are_changed_alike() -> None:
    torch.manual_seed(0)
    picture = torch.rand(6, 3, 64, 64) * 2 - 1
    source, target = same_geometry(picture, picture.clone(), flip=True, crop=0.7, turn=20, bend=1)
    assert torch.equal(source, target) and not torch.equal(source, picture)
    untouched, _ = same_geometry(picture, picture, flip=False, crop=1, turn=0, bend=0)
    assert torch.equal(untouched, picture)


def test_the_colours_of_both_pictures_of_a_pair_are_turned_alike_and_greys_stay() -> None:
    torch.manual_seed(0)
    picture = torch.rand(6, 3, 8, 8) - 0.5  # far enough from the ends that nothing is cut off
    source, target = same_hue(picture, picture.clone(), turn=90)
    assert torch.equal(source, target) and not torch.allclose(source, picture, atol=0.05)
    assert torch.allclose(source.mean(dim=1), picture.mean(dim=1), atol=1e-6)
    assert torch.allclose(source.square().sum(dim=1), picture.square().sum(dim=1), atol=1e-5)
    grey = torch.linspace(-1, 1, 64).view(1, 1, 8, 8).expand(6, 3, 8, 8)
    assert torch.allclose(same_hue(grey, grey, turn=180)[0], grey, atol=1e-6)


def test_another_pen_changes_lines_by_about_a_pixel_and_nothing_else() -> None:
    torch.manual_seed(0)
    source = torch.ones(40, 1, 32, 32)
    source[:, :, 14:18] = -1
    changed = other_pen(source, share=1)
    assert ((changed >= -1) & (changed <= 1)).all()
    assert (changed[:, :, :12] == 1).all() and (changed[:, :, 20:] == 1).all()
    ink = (1 - changed).mean(dim=(1, 2, 3)) / (1 - source).mean()
    assert ink.min() < 0.8 and ink.max() > 1.2, "some thinner, some thicker"
    assert torch.equal(other_pen(source, share=0), source)


@pytest.mark.parametrize("size", [64, 96, 160])
def test_a_picture_is_translated_as_it_would_be_alone(size: int) -> None:
    generator = Generator(Config(width=6)).eval()
    pictures = torch.rand(3, 3, size, size) * 2 - 1
    with torch.no_grad():
        together, alone = generator(pictures), generator(pictures[1:2])
    assert together.shape == pictures.shape and together.abs().max() <= 1
    assert torch.allclose(together[1:2], alone, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"adversarial": 0.0},
        {"augment": ("brightness", "translation")},
        {"sketch_augment": False, "bend": 0.5, "hue": 30.0},
    ],
)
def test_a_step_moves_the_generator_under_every_recipe(data: ImageData, settings: dict[str, object]) -> None:
    trainer = Trainer(replace(SMOKE, **settings), data, new_accelerator(cpu=True))  # type: ignore[arg-type]
    before = {name: value.clone() for name, value in trainer.generator.state_dict().items()}
    losses = trainer.step(Feed(data.train, 0, trainer.accelerator).next(4))
    assert all(torch.isfinite(value) for value in losses.values())
    assert ("adversarial" in losses) == ("adversarial" not in settings)
    assert ("discriminator" in trainer.modules()) == ("adversarial" not in settings)
    assert any(not torch.equal(before[name], value) for name, value in trainer.generator.state_dict().items())


def test_all_but_pixels_joins_when_its_share_of_the_budget_has_passed(data: ImageData) -> None:
    need_imagenet("Lite1")
    trainer = Trainer(replace(SMOKE, perceptual=1.0, pixels_first=0.5), data, new_accelerator(cpu=True))
    assert trainer.discriminator is not None
    feed = Feed(data.train, 0, trainer.accelerator)
    seen = []
    for step, fraction in enumerate((0.0, 0.49, 0.5, 0.9)):
        for schedule in (trainer.generator_schedule, trainer.discriminator_schedule):
            schedule.advance(step, fraction)
        before = [weight.clone() for weight in trainer.discriminator.parameters()]
        losses = trainer.step(feed.next(4))
        moved = any(not torch.equal(*pair) for pair in zip(before, trainer.discriminator.parameters(), strict=True))
        assert ("adversarial" in losses) == ("perceptual" in losses) == moved
        seen.append(moved)
    assert seen == [False, False, True, True]


def test_settings_that_cannot_work_are_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--image-size must be a multiple of 32, not 100\.$"):
        Config(image_size=100)
    with pytest.raises(TrainingError, match=r"^--crop must be between 0.1 and 1, not 1.5\.$"):
        Config(crop=1.5)
    with pytest.raises(TrainingError, match=r"^--pixels-first must be at least 0 and below 1, not 1\.0\.$"):
        Config(pixels_first=1.0)
    with pytest.raises(TrainingError, match=r"^--hue is for pictures in colour: --channels must be 3, not 1\.$"):
        Config(hue=10.0, channels=1)
    with pytest.raises(TrainingError, match="nothing to learn from"):
        Config(l1=0, adversarial=0, perceptual=0)


def ring(grey: int) -> np.ndarray:
    """A square ring of ink with something inside."""
    picture = np.full((64, 64, 3), 255, np.uint8)
    picture[16:48, 16:48] = 0
    picture[20:44, 20:44] = grey
    return picture


def test_only_what_lines_enclose_is_filled_and_with_the_mean_colour_of_its_kind() -> None:
    drawing = ring(255)
    regions, count = closed_regions(drawing)
    assert count == 1 and (regions[20:44, 20:44] == 1).all() and regions[0, 0] == 0
    pictures = np.stack([ring(255), ring(255)])
    pictures[0, 20:44, 20:44] = (200, 0, 0)
    pictures[1, 20:44, 20:44] = (100, 50, 0)
    filled = RegionFill(np.stack([drawing, drawing]), pictures)(drawing[None])[0]
    assert (filled[20:44, 20:44] == (150, 25, 0)).all()
    assert np.array_equal(filled[:16], drawing[:16]) and (filled[16:20, 16:48] == 0).all()
    assert is_line_drawing(drawing[None]) and not is_line_drawing(pictures[:1])


def test_the_target_itself_is_perfect_and_every_baseline_is_beside_it(data: ImageData) -> None:
    need_imagenet()
    assert data.val.sources is not None
    images, labels, sources = (
        np.concatenate([each] * 7) for each in (data.val.images, data.val.labels, data.val.sources)
    )
    many = Split(images, labels, {}, sources)
    found = translation_metrics(many.images, many, data)
    assert found["l1"] == 0 and found["perceptual_distance"] == 0 and found["psnr"] > 50
    assert abs(found["translation_frechet"]) < 1e-6
    for baseline in ("source", "fill"):
        assert found[f"{baseline}_l1"] > 1 and found[f"{baseline}_perceptual_distance"] > 0.1
        for distance in ("translation_kernel", "translation_frechet"):
            assert found[f"{baseline}_{distance}"] > found[distance]


def test_perceptual_distance_grows_with_damage_and_is_symmetric(data: ImageData) -> None:
    need_imagenet()
    clean = data.test.images
    noise = np.random.default_rng(0).normal(0, 1, clean.shape)
    little, much = ((clean + level * noise).clip(0, 255).astype(np.uint8) for level in (8, 64))
    assert 0 < perceptual_distance(clean, little) < perceptual_distance(clean, much)
    assert perceptual_distance(clean, much) == pytest.approx(perceptual_distance(much, clean), rel=1e-5)


def test_the_perceptual_loss_leads_to_the_target_and_is_not_what_measures(data: ImageData) -> None:
    need_imagenet("Lite1")
    target = to_float(data.val.images[:2])
    loss = PerceptualLoss(torch.device("cpu"))
    assert loss(target, target).item() == pytest.approx(0, abs=1e-6)
    torch.manual_seed(0)
    picture = (target + 0.3 * torch.randn_like(target)).clamp(-1, 1).requires_grad_()
    begun = to_uint8(picture)
    before = loss(picture, target).item()
    optimizer = torch.optim.Adam([picture], lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        loss(picture, target).backward()
        optimizer.step()
    assert loss(picture, target) < 0.8 * before
    assert all(not weight.requires_grad for weight in loss.net.parameters())
    assert loss(target[:, :1], target[:, 1:2]).isfinite(), "a picture in gray is seen as one in colour"
    assert before != pytest.approx(perceptual_distance(begun, to_uint8(target)), rel=0.02), "another net"

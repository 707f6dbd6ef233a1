"""Losses and penalties of adversarial recipes, and augmentation, against what is known of them."""

from types import ModuleType

import pytest
import torch

from training.adversarial import Loss, discriminator_loss, generator_loss, gradient_penalty
from training.augment import diff_augment, mirror_half
from training.data.dataset import read_parquet
from training.families import cgan, gan
from training.pixels import to_float
from training.precision import new_accelerator

from .commands import TINY


@pytest.mark.parametrize("kind", ["relativistic", "hinge"])
def test_each_side_gains_where_the_other_loses(kind: Loss) -> None:
    low, high = torch.full((4,), -0.5), torch.full((4,), 0.5)
    assert discriminator_loss(kind, high, low) < discriminator_loss(kind, low, high)
    assert generator_loss(kind, low, high) < generator_loss(kind, high, low)


def test_the_relativistic_loss_sees_differences_alone() -> None:
    real, fake = torch.randn(8), torch.randn(8)
    moved = discriminator_loss("relativistic", real + 7, fake + 7)
    assert torch.allclose(moved, discriminator_loss("relativistic", real, fake), atol=1e-5)


def test_the_gradient_penalty_of_a_linear_discriminator_is_its_squared_weight() -> None:
    weight, images = torch.randn(3, 8, 8, requires_grad=True), torch.randn(5, 3, 8, 8, requires_grad=True)
    penalty = gradient_penalty((images * weight).flatten(1).sum(1), images)
    assert torch.allclose(penalty, weight.square().sum(), rtol=1e-5)
    (gradient,) = torch.autograd.grad(penalty, weight)
    assert torch.allclose(gradient, 2 * weight, rtol=1e-5), "the penalty must reach the weights"


@pytest.mark.parametrize("name", ["brightness", "saturation", "contrast", "translation", "cutout"])
def test_augmentations_change_images_and_let_gradients_through(name: str) -> None:
    torch.manual_seed(0)
    images = torch.rand(6, 3, 16, 16, requires_grad=True)
    changed = diff_augment(images, [name])  # type: ignore[list-item]
    assert changed.shape == images.shape and not torch.equal(changed, images)
    changed.sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


def test_no_policy_leaves_images_as_they_are() -> None:
    images = torch.rand(2, 1, 8, 8)
    assert diff_augment(images, []) is images


def test_what_a_translation_brings_in_repeats_the_edge() -> None:
    torch.manual_seed(0)
    images = torch.rand(20, 3, 16, 24)
    padded = torch.nn.functional.pad(images, (3, 3, 2, 2), mode="replicate")
    for moved, whole in zip(diff_augment(images, ["translation"]), padded, strict=True):
        places = [(y, x) for y in range(5) for x in range(7)]
        assert any(torch.equal(moved, whole[:, y : y + 16, x : x + 24]) for y, x in places)


def test_a_translation_moves_every_pixel_by_the_same_step() -> None:
    torch.manual_seed(1)
    images = torch.full((20, 1, 32, 32), -1.0)
    images[:, :, 16, 16] = 1.0
    moved = diff_augment(images, ["translation"])
    places = (moved[:, 0] == 1).nonzero()
    assert len(places) == 20 and (places[:, 1:] - 16).abs().max() <= 4
    assert len({tuple(place.tolist()) for place in places[:, 1:]}) > 5, "each image has a shift of its own"


def test_about_half_are_mirrored_and_none_is_changed_otherwise() -> None:
    torch.manual_seed(0)
    images = torch.rand(200, 1, 4, 4)
    changed = mirror_half(images)
    turned = torch.tensor([torch.equal(new, old.flip(2)) for new, old in zip(changed, images, strict=True)])
    assert torch.equal(changed[~turned], images[~turned]) and 60 < turned.sum() < 140


def test_a_discriminator_that_knows_classes_begins_without_and_then_judges_a_picture_with_each() -> None:
    discriminator = cgan.Discriminator(cgan.Config(width=4), classes=3)
    images = torch.rand(5, 1, 32, 32)
    begun = discriminator(images)
    assert begun.shape == (5, 3) and torch.equal(begun, begun[:, :1].expand(5, 3))
    torch.nn.init.normal_(discriminator.embedding.weight)
    first, second, third = discriminator(images).T
    assert not torch.isclose(first, second).any() and not torch.isclose(second, third).any()


def test_a_discriminator_that_classifies_learns_the_classes_of_real_pictures_and_asks_them_of_the_generator() -> None:
    data = read_parquet(TINY, 32, 1)
    batch = {"image": to_float(data.train.images[:20]), "label": torch.from_numpy(data.train.labels[:20])}

    def after(steps: int, classify: float) -> tuple[float, bool]:
        torch.manual_seed(0)
        trainer = cgan.Trainer(cgan.Config(width=4, classify=classify), data, new_accelerator(cpu=True))
        for _ in range(steps):
            losses = trainer.step(batch)
        error = torch.nn.functional.cross_entropy(trainer.discriminator(batch["image"]), batch["label"])
        return error.item(), "misnaming" in losses

    (without, silent), (with_it, told) = after(60, 0.0), after(60, 1.0)
    assert with_it < 0.7 * without and told and not silent


def test_what_is_surely_of_its_class_teaches_the_generator_no_more_of_it() -> None:
    trainer = cgan.Trainer(cgan.Config(width=4, classify=1.0), read_parquet(TINY, 32, 1), new_accelerator(cpu=True))
    odds = torch.tensor([[cgan.SURE + 0.1, 0.1, 0.1], [cgan.SURE - 0.1, 0.2, 0.2]]).log().requires_grad_()
    label = torch.zeros(2, dtype=torch.long)
    made, real = (trainer._misnaming(odds, (label,), made=made) for made in (True, False))
    assert made is not None and real is not None
    [of_made], [of_real] = (torch.autograd.grad(loss, odds) for loss in (made, real))
    assert of_made[0].eq(0).all() and of_made[1, 0] < 0, "the second one is still to become more of its class"
    assert of_real[:, 0].lt(0).all(), "and of real pictures everything is learned"


def test_the_penalty_goes_from_its_weight_to_the_share_of_it_that_was_asked_for() -> None:
    def learned(fraction: float, **settings: float) -> torch.Tensor:
        torch.manual_seed(0)
        data = read_parquet(TINY, 32, 1)
        trainer = gan.Trainer(gan.Config(width=4, penalty_every=1, **settings), data, new_accelerator(cpu=True))  # type: ignore[arg-type]
        trainer.discriminator_schedule.advance(100, fraction)
        trainer.step({"image": to_float(data.train.images[:20]), "label": torch.from_numpy(data.train.labels[:20])})
        return torch.cat([each.flatten() for each in trainer.discriminator.parameters()])

    assert torch.equal(learned(0.0, penalty=50.0, final_penalty=0.04), learned(0.0, penalty=50.0))
    assert torch.equal(learned(0.5, penalty=50.0, final_penalty=0.04), learned(0.5, penalty=10.0))
    assert torch.equal(learned(1.0, penalty=50.0, final_penalty=0.04), learned(1.0, penalty=2.0))
    assert not torch.equal(learned(1.0, penalty=50.0), learned(1.0, penalty=2.0))


@pytest.mark.parametrize("family", [gan, cgan])
def test_samples_are_measured_at_temperatures_below_one_too(family: ModuleType) -> None:
    data = read_parquet(TINY, 32, 1)
    torch.manual_seed(0)
    trainer = family.Trainer(family.Config(width=4, evaluation_samples=40), data, new_accelerator(cpu=True))
    found = trainer.evaluate("test")
    assert found["frechet_distance"] != found["frechet_distance/temperature 0.7"]
    assert ("class_accuracy/temperature 0.7" in found) == (family is cgan)

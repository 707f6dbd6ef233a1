"""Metrics against values known by other means; the evaluator against its card."""

import json

import numpy as np
import pytest
import torch

from training.classification_accuracy import ClassificationAccuracy
from training.data.dataset import ImageData, Split, read_info, read_parquet
from training.evaluation import conditional_metrics, over_temperatures, sample_metrics
from training.features import EVALUATORS, fashion_card, fashion_features, fashion_probabilities
from training.metrics import (
    frechet_distance,
    kernel_distance,
    pca_reconstruction,
    pca_samples,
    precision_recall,
    psnr,
    ssim,
)
from training.pixels import to_float, to_uint8

from .commands import TINY


def gaussian(mean: list[float], deviation: list[float], count: int = 2000) -> np.ndarray:
    """Points whose sample mean and covariance are exactly those asked for."""
    points = np.random.default_rng(0).standard_normal((count, len(mean)))
    points -= points.mean(0)
    whiten = np.linalg.inv(np.linalg.cholesky(np.cov(points, rowvar=False))).T
    return points @ whiten * np.array(deviation) + np.array(mean)


def test_frechet_distance_of_two_known_gaussians() -> None:
    # |m1 - m2|^2 + sum (s1 - s2)^2 for diagonal covariances
    distance = frechet_distance(gaussian([0, 0, 0], [1, 2, 3]), gaussian([1, 0, 2], [2, 2, 1]))
    assert distance == pytest.approx((1 + 4) + (1 + 0 + 4), abs=1e-9)


def test_frechet_distance_of_rotated_gaussians_matches_the_matrix_square_root() -> None:
    generator = np.random.default_rng(1)
    first = generator.standard_normal((500, 4)) @ generator.standard_normal((4, 4))
    second = generator.standard_normal((500, 4)) @ generator.standard_normal((4, 4)) + 0.3
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(a @ b).real).sum()
    expected = ((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * root
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_survives_singular_covariances_and_is_zero_to_itself() -> None:
    flat = np.zeros((50, 8))
    flat[:, 0] = np.arange(50)
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="two rows"):
        frechet_distance(flat[:1], flat)


def test_kernel_distance_and_its_error_are_those_of_leaving_each_picture_out_in_turn() -> None:
    draw = np.random.RandomState(0)
    first, second = draw.randn(9, 4), draw.randn(6, 4) + 0.5

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        def kernel(x: np.ndarray, y: np.ndarray) -> float:
            return float((x @ y / 4 + 1) ** 3)

        own = [np.mean([kernel(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]) for s in (a, b)]
        return float(sum(own) - 2 * np.mean([kernel(x, y) for x in a for y in b]))

    value, error = kernel_distance(first, second)
    assert value == pytest.approx(distance(first, second))
    without_first = [distance(np.delete(first, i, 0), second) for i in range(9)]
    without_second = [distance(first, np.delete(second, i, 0)) for i in range(6)]
    assert error == pytest.approx(np.sqrt(8 * np.var(without_first) + 5 * np.var(without_second)))
    assert kernel_distance(second, first) == pytest.approx((value, error))


def test_kernel_distance_of_few_pictures_is_that_of_many_and_its_error_is_how_far_it_scatters() -> None:
    draw = np.random.RandomState(0)
    many = kernel_distance(draw.randn(3000, 8), draw.randn(3000, 8) + 0.3)[0]
    few = np.array([kernel_distance(draw.randn(200, 8), draw.randn(40, 8) + 0.3) for _ in range(200)])
    assert few[:, 0].mean() == pytest.approx(many, abs=4 * few[:, 0].std() / np.sqrt(200))
    assert few[:, 1].mean() == pytest.approx(few[:, 0].std(), rel=0.2)
    with pytest.raises(ValueError, match="three rows"):
        kernel_distance(draw.randn(2, 8), draw.randn(9, 8))


def test_psnr_of_a_known_error() -> None:
    image = np.full((2, 4, 4, 1), 100, np.uint8)
    assert psnr(image + np.uint8(10), image) == pytest.approx(20 * np.log10(25.5))
    assert psnr(image, image) == 100


def test_precision_and_recall_tell_missing_modes_from_bad_samples() -> None:
    generator = np.random.default_rng(0)
    real = np.concatenate([generator.normal(0, 1, (200, 2)), generator.normal(50, 1, (200, 2))])
    one_mode = generator.normal(0, 1, (200, 2))
    precision, recall = precision_recall(real, one_mode)
    assert precision > 0.9 and 0.4 < recall < 0.6
    assert precision_recall(real, generator.normal(500, 1, (200, 2))) == (0, 0)


def test_evaluator_names_the_classes_it_was_trained_on() -> None:
    card = fashion_card()
    assert card["test_accuracy"] >= 0.935
    assert json.loads((EVALUATORS / "fashion_classifier.json").read_text()) == card
    assert (EVALUATORS / "fashion_classifier.safetensors").stat().st_size <= 1.5e6
    data = read_parquet(TINY, 32, 1)
    images = np.concatenate([data.val.images, data.test.images])
    labels = np.concatenate([data.val.labels, data.test.labels])
    assert (fashion_probabilities(fashion_features(images)).argmax(1) == labels).mean() >= 0.85


def test_features_see_the_same_picture_in_every_form() -> None:
    padded, bare = read_parquet(TINY, 32, 1).val.images, read_parquet(TINY, 28, 1).val.images
    assert np.array_equal(padded[:, 2:30, 2:30], bare)
    expected = fashion_features(bare)
    assert expected.shape == (20, 128) and expected.dtype == np.float64
    assert np.allclose(fashion_features(padded), expected, atol=1e-5)
    assert np.allclose(fashion_features(to_float(padded)), expected, atol=1e-5)


def test_pixels_survive_the_way_to_floats_and_back() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(to_uint8(to_float(images)), images)
    assert np.array_equal(to_uint8(torch.tensor([[[[-3.0, 3.0]]]])), [[[[0], [255]]]])


def test_bad_samples_are_far_and_real_ones_near() -> None:
    data = read_parquet(TINY, 32, 1)
    near = sample_metrics(data.train.images, data, "test")
    noise = np.random.default_rng(0).integers(0, 256, data.train.images.shape, np.uint8)
    far = sample_metrics(noise, data, "test")
    assert near["frechet_distance"] == pytest.approx(near["frechet_floor"])
    assert (near["precision"], near["recall"]) == (near["precision_real"], near["recall_real"])
    assert far["frechet_distance"] > 5 * near["frechet_distance"]


def test_samples_of_the_wrong_class_are_seen_though_all_together_they_look_right() -> None:
    data = read_parquet(TINY, 32, 1)
    images, labels = data.train.images, data.train.labels
    right = conditional_metrics(images, labels, data, "test")
    wrong = conditional_metrics(images, (labels + 1) % 10, data, "test")
    assert right["frechet_distance"] == wrong["frechet_distance"]
    assert right["class_accuracy"] > 0.8 > 0.2 > wrong["class_accuracy"]
    classes = [name for name in data.info.class_names if f"frechet_distance/{name}" in right]
    assert len(classes) == 10
    for name in classes:
        assert right[f"frechet_distance/{name}"] == pytest.approx(right[f"frechet_floor/{name}"])
        assert wrong[f"frechet_distance/{name}"] > right[f"frechet_distance/{name}"]


def test_temperatures_below_one_are_told_beside_it_but_not_class_by_class() -> None:
    by_class_and_zero = {"frechet_distance/Bag": 1.0, "recall_real": 0.9, "precision": 0.0}
    found = over_temperatures(lambda at: {**by_class_and_zero, "frechet_distance": 10 * at, "frechet_distance/Bag": at})
    assert found.pop("frechet_distance/temperature 0.8") == pytest.approx(8.0)
    assert found == pytest.approx(
        {
            **by_class_and_zero,
            "frechet_distance": 10.0,
            "frechet_distance/temperature 0.9": 9.0,
            "frechet_distance/temperature 0.7": 7.0,
            "frechet_distance/temperature 0.6": 6.0,
        }
    )
    assert over_temperatures(lambda at: {}) == {}, "where there is no instrument"


def test_as_many_principal_components_as_dimensions_rebuild_the_picture_and_fewer_do_not() -> None:
    random = np.random.RandomState(0)
    plane = random.rand(200, 2) @ random.rand(2, 16) * 60 + 40
    images = plane.round().astype(np.uint8).reshape(200, 4, 4, 1)
    both = [np.abs(pca_reconstruction(images, images, count).astype(int) - images).mean() for count in (1, 2)]
    assert both[1] < 0.5 < both[0]


@pytest.mark.parametrize("exact", [1, 16])
def test_samples_along_principal_components_vary_as_the_pictures_do(
    exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.metrics.EXACT", exact)
    random = np.random.RandomState(0)
    plane = (random.randn(400, 2) * [3, 1]) @ random.randn(2, 16) * 6 + 128
    images = plane.round().clip(0, 255).astype(np.uint8).reshape(400, 4, 4, 1)
    samples = pca_samples(images, 2, 5000)
    assert samples.shape == (5000, 4, 4, 1) and np.array_equal(samples, pca_samples(images, 2, 5000))
    ours, theirs = (np.cov(each.reshape(len(each), -1).T) for each in (samples, images))
    assert np.abs(ours - theirs).max() < 0.1 * np.abs(theirs).max()
    assert np.abs(samples.mean(axis=0) - images.mean(axis=0)).max() < 1


def test_a_classifier_learns_from_right_labels_what_it_cannot_from_wrong_ones() -> None:
    light = np.arange(64) % 2
    images = np.random.RandomState(0).randint(0, 80, (64, 28, 28, 1)) + 160 * light[:, None, None, None]
    split = Split(images.astype(np.uint8), light)
    data = ImageData(read_info(TINY), 28, 1, lambda name: split)
    right, wrong = (
        ClassificationAccuracy(Split(split.images, labels), data, epochs=12).on("test") for labels in (light, 1 - light)
    )
    assert right["classification_accuracy"] == right["classification_accuracy_real"] == 1
    assert (wrong["classification_accuracy"], wrong["classification_accuracy_real"]) == (0, 1)


def test_principal_components_of_large_pictures_are_those_of_the_exact_method(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.RandomState(0)
    scales = np.array([40, 25, 15, 8, 2])[:, None]
    pictures = (random.randn(300, 5) @ (scales * random.randn(5, 64)) / 5 + 128).clip(0, 255).astype(np.uint8)
    pictures = pictures.reshape(300, 8, 8, 1)
    exact = pca_reconstruction(pictures, pictures, 3)
    monkeypatch.setattr("training.metrics.EXACT", 1)
    assert np.abs(pca_reconstruction(pictures, pictures, 3).astype(int) - exact).max() <= 1


def test_structural_similarity_is_that_of_scikit_image() -> None:
    from skimage.metrics import structural_similarity

    random = np.random.RandomState(0)
    first = random.randint(0, 256, (2, 20, 24, 3), dtype=np.uint8)
    second = (first.astype(int) + random.randint(-30, 31, first.shape)).clip(0, 255).astype(np.uint8)
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    pairs = zip(first, second, strict=True)
    wanted = [structural_similarity(one, other, data_range=255, channel_axis=2, **window) for one, other in pairs]
    assert ssim(first, second) == pytest.approx(np.mean(wanted)) and ssim(first, first) == 1

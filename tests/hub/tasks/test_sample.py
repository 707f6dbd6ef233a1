"""``hub.tasks.sample``: the same arguments give the same pixels, and nonsense is answered in one sentence."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub import open_model
from hub.errors import BundleError, RequestError, UnknownModelError
from hub.tasks.sample import CHUNK, SampleModel, noise
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import LABELS, write_tiny_bundle


@pytest.fixture
def model(tiny_bundle: Path) -> SampleModel:
    return open_model(tiny_bundle)


@pytest.fixture
def conditional(conditional_bundle: Path) -> SampleModel:
    return open_model(conditional_bundle)


def nearly_equal(images: np.ndarray, others: np.ndarray) -> bool:
    """At most one grey level apart: another batch size may add up in another order."""
    return images.shape == others.shape and np.abs(images.astype(int) - others.astype(int)).max() <= 1


# ── Noise ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_noise_of_a_seed_never_changes() -> None:
    assert noise(2, 3, 0).tolist() == [
        [1.764052391052246, 0.40015721321105957, 0.978738009929657],
        [2.2408931255340576, 1.8675580024719238, -0.9772778749465942],
    ]
    assert noise(1, 3, 2**32 - 1).tolist() == [[0.6484086513519287, 0.6693235039710999, -1.0805437564849854]]
    digest = hashlib.sha256(noise(64, 16, 42).astype("<f4").tobytes()).hexdigest()
    assert digest == "0dd44a95cfcd2cd9b39ffa3c3b3cb3c1ec57877a8497877488c61498be485669"


@pytest.mark.parametrize("length", [1, 3, 8])
def test_the_first_rows_of_the_noise_do_not_depend_on_how_many_follow(length: int) -> None:
    assert np.array_equal(noise(3, length, 5), noise(100, length, 5)[:3])


# ── Sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_gives_the_same_pixels_from_another_model_of_the_same_bundle(
    model: SampleModel, tiny_bundle: Path
) -> None:
    images = model.sample(5, seed=7)
    assert (images.shape, images.dtype) == ((5, 32, 32, 1), np.uint8)
    assert np.array_equal(images, open_model(str(tiny_bundle)).sample(5, seed=7))


def test_another_seed_gives_other_pictures(model: SampleModel) -> None:
    assert not np.array_equal(model.sample(2, seed=0), model.sample(2, seed=1))


def test_pictures_of_one_seed_differ_from_each_other(model: SampleModel) -> None:
    images = model.sample(16)
    assert len({image.tobytes() for image in images}) == 16


@pytest.mark.parametrize("count", [1, 4])
def test_the_first_pictures_do_not_depend_on_how_many_follow(model: SampleModel, count: int) -> None:
    assert nearly_equal(model.sample(count, seed=3), model.sample(16, seed=3)[:count])


def test_a_count_beyond_one_chunk_is_seamless(model: SampleModel) -> None:
    images = model.sample(CHUNK + 6, seed=3)
    assert len(images) == CHUNK + 6
    assert nearly_equal(images[:CHUNK], model.sample(CHUNK, seed=3))
    assert len({image.tobytes() for image in images}) == len(images)


def test_temperature_0_gives_one_picture_over_and_over(model: SampleModel) -> None:
    images = model.sample(4, temperature=0)
    assert all(np.array_equal(image, images[0]) for image in images)


def test_temperature_scales_the_noise(model: SampleModel) -> None:
    assert not np.array_equal(model.sample(2, temperature=0.5), model.sample(2))
    assert np.array_equal(model.sample(2, temperature=1), model.sample(2))


def test_the_prior_stands_between_noise_and_decoder(model: SampleModel, tmp_path: Path) -> None:
    through_prior = model.model.run("prior", {"noise": noise(3, 8, 0)})["z"]
    assert nearly_equal(model.sample(3), model.decode(through_prior))
    write_tiny_bundle(tmp_path / "plain", prior=False)
    plain = open_model(tmp_path / "plain")
    assert nearly_equal(plain.sample(3), plain.decode(noise(3, 8, 0)))


def test_a_whole_number_counts_in_any_dress(model: SampleModel) -> None:
    expected = model.sample(3, seed=5)
    for count, seed in ((3.0, 5.0), (np.int64(3), np.uint32(5)), (np.float32(3), 5)):
        assert np.array_equal(model.sample(count, seed), expected)  # type: ignore[arg-type]


def test_the_limits_themselves_are_allowed(model: SampleModel, turn: Turn) -> None:
    turn(max_count=3)
    assert len(model.sample(3, seed=2**32 - 1, temperature=3)) == 3


# ── Labels ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_label_may_be_a_name_a_number_or_a_number_in_text(conditional: SampleModel) -> None:
    by_name = conditional.sample(3, label="square")
    for label in (1, "1", 1.0, np.int64(1)):
        assert np.array_equal(conditional.sample(3, label=label), by_name)  # type: ignore[arg-type]
    assert not np.array_equal(conditional.sample(3, label="star"), by_name)


def test_without_a_label_the_classes_take_turns(conditional: SampleModel) -> None:
    mixed = conditional.sample(7)
    for index, name in enumerate(LABELS):
        assert nearly_equal(mixed[index::3], conditional.sample(7, label=name)[index::3])


def test_classes_go_on_taking_turns_across_chunks(conditional: SampleModel) -> None:
    mixed, square = conditional.sample(CHUNK + 6), conditional.sample(CHUNK + 6, label="square")
    assert nearly_equal(mixed[1::3], square[1::3])


@pytest.mark.parametrize(
    "label",
    ["hexagon", "", "STAR", 3, -1, "3", "-1", 1.5, float("nan"), float("inf"), True, [1], b"star", "x" * 10_000],
)
def test_a_label_that_is_not_there_is_answered_with_those_there_are(conditional: SampleModel, label: Any) -> None:
    for call in (lambda: conditional.sample(2, label=label), lambda: conditional.decode(np.zeros(8), label)):
        with pytest.raises(RequestError, match="give one of circle, square, star, or 0 to 2") as refused:
            call()
        sentence(refused.value)


def test_a_label_means_nothing_to_a_model_without_classes(model: SampleModel) -> None:
    with pytest.raises(RequestError, match="'tiny' is not conditional") as refused:
        model.sample(2, label=0)
    sentence(refused.value)


# ── Bad arguments ────────────────────────────────────────────────────────────────────────────────────────────────────

NO_WHOLE_NUMBERS = [None, "4", "", 1.5, float("nan"), float("inf"), -float("inf"), True, np.True_, [4], 1e300, 1j]


@pytest.mark.parametrize("count", [0, -3, 257, 100_000, *NO_WHOLE_NUMBERS])
def test_a_count_out_of_range_is_refused(model: SampleModel, count: Any) -> None:
    with pytest.raises(RequestError, match="The count must be a whole number from 1 to 256, not ") as refused:
        model.sample(count)
    sentence(refused.value)


@pytest.mark.parametrize("seed", [-1, 2**32, "x" * 10_000, *NO_WHOLE_NUMBERS])
def test_a_seed_out_of_range_is_refused(model: SampleModel, seed: Any) -> None:
    with pytest.raises(RequestError, match="The seed must be a whole number from 0 to 4294967295, not ") as refused:
        model.sample(1, seed)
    sentence(refused.value)


@pytest.mark.parametrize("temperature", [-0.1, 3.1, float("nan"), float("inf"), "1", "x" * 10_000, None, True, [1.0]])
def test_a_temperature_out_of_range_is_refused(model: SampleModel, temperature: Any) -> None:
    with pytest.raises(RequestError, match="The temperature must be a number from 0 to 3, not ") as refused:
        model.sample(1, temperature=temperature)
    sentence(refused.value)


# ── Decoding and encoding ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_answer_has_the_rank_of_the_question(model: SampleModel) -> None:
    z = noise(2, 8, 0)
    assert model.decode(z).shape == (2, 32, 32, 1)
    assert model.decode(z[0]).shape == (32, 32, 1)
    images = model.decode(z)
    assert model.encode(images).shape == (2, 8)
    assert model.encode(images[0]).shape == (8,)
    assert model.encode(images).dtype == np.float32


def test_one_picture_alone_is_the_picture_in_the_batch(model: SampleModel) -> None:
    z = noise(3, 8, 0)
    assert nearly_equal(model.decode(z[1]), model.decode(z)[1])
    images = model.sample(3)
    assert np.allclose(model.encode(images[1]), model.encode(images)[1], atol=1e-5)


def test_plain_lists_are_arrays_too(model: SampleModel) -> None:
    z = noise(2, 8, 0)
    assert np.array_equal(model.decode(z.tolist()), model.decode(z))
    images = model.decode(z)
    assert np.array_equal(model.encode(images.tolist()), model.encode(images))


def test_more_latents_than_one_chunk_come_back_in_order(model: SampleModel) -> None:
    z = noise(CHUNK + 6, 8, 0)
    assert nearly_equal(model.decode(z)[CHUNK:], model.decode(z[CHUNK:]))
    assert model.encode(model.decode(z)).shape == (CHUNK + 6, 8)


BAD_LATENTS: dict[str, tuple[Any, str]] = {
    "NaN": (np.full((1, 8), np.nan), "not a number"),
    "infinity": (np.full(8, np.inf), "not a number"),
    "beyond float32": (np.full(8, 1e300), "not a number"),
    "NaN far down": (np.vstack([np.zeros((100, 8)), np.full((1, 8), np.nan)]), "not a number"),
    "too short": (np.zeros((2, 7)), "needs the shape [batch, 8], not [2, 7]"),
    "too many dimensions": (np.zeros((1, 1, 8)), "needs the shape [batch, 8], not [1, 1, 8]"),
    "a single number": (3.0, "needs the shape [batch, 8], not [1]"),
    "none at all": (np.zeros((0, 8)), "'z' is empty"),
    "empty list": ([], "needs the shape [batch, 8]"),
    "text": (np.full((1, 8), "x"), "needs float32 numbers"),
    "words": ("hello", "needs float32 numbers"),
    "nothing": (None, "needs float32 numbers"),
    "complex": (np.zeros((1, 8), complex), "needs float32 numbers"),
    "ragged": ([[1.0] * 8, [1.0]], "rows of different lengths"),
}


@pytest.mark.parametrize("what", BAD_LATENTS)
def test_latents_that_do_not_fit_are_refused_in_words(model: SampleModel, what: str) -> None:
    z, told = BAD_LATENTS[what]
    with pytest.raises(RequestError) as refused:
        model.decode(z)
    assert told in sentence(refused.value)


BAD_IMAGES: dict[str, tuple[Any, str]] = {
    "floats": (np.zeros((1, 32, 32, 1)), "needs uint8 numbers, not float64"),
    "16 bit": (np.full((32, 32, 1), 60_000, np.uint16), "must lie in [0, 255]"),
    "yes and no": (np.zeros((32, 32, 1), bool), "needs uint8 numbers, not bool"),
    "colour": (np.zeros((32, 32, 3), np.uint8), "needs the shape [batch, 32, 32, 1], not [1, 32, 32, 3]"),
    "no channel axis": (np.zeros((32, 32), np.uint8), "needs the shape"),
    "one pixel": (np.zeros((1, 1, 1), np.uint8), "needs the shape"),
    "channels first": (np.zeros((4, 1, 32, 32), np.uint8), "needs the shape"),
    "none at all": (np.zeros((0, 32, 32, 1), np.uint8), "'image' is empty"),
    "a number": (np.uint8(3), "needs the shape"),
    "ragged": ([[1, 2], [3]], "rows of different lengths"),
}


@pytest.mark.parametrize("what", BAD_IMAGES)
def test_images_that_do_not_fit_are_refused_in_words(model: SampleModel, what: str) -> None:
    images, told = BAD_IMAGES[what]
    with pytest.raises(RequestError) as refused:
        model.encode(images)
    assert told in sentence(refused.value)


def test_a_model_without_an_encoder_says_so(conditional: SampleModel) -> None:
    with pytest.raises(RequestError, match="'tiny-conditional' has no encoder") as refused:
        conditional.encode(np.zeros((32, 32, 1), np.uint8))
    sentence(refused.value)


# ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_judge_names_classes_that_the_model_itself_is_never_told(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "judged", judge=True)
    judged = open_model(tmp_path / "judged")
    pictures = judged.sample(5)
    probabilities = judged.judge(pictures)
    assert probabilities.shape == (5, len(LABELS)) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(judged.judge(pictures[2]), probabilities[2], atol=1e-5)
    with pytest.raises(RequestError, match="is not conditional") as refused:
        judged.sample(1, label=LABELS[0])
    sentence(refused.value)


def test_a_model_without_a_judge_says_so(model: SampleModel) -> None:
    with pytest.raises(RequestError, match="'tiny' has no judge") as refused:
        model.judge(model.sample(1))
    sentence(refused.value)


def test_an_unknown_model_is_answered_in_words() -> None:
    with pytest.raises(UnknownModelError, match="There is no model 'nobody'") as refused:
        open_model("nobody")
    sentence(refused.value)


def test_a_folder_without_a_bundle_is_answered_in_words(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle") as refused:
        open_model(tmp_path)
    sentence(refused.value)

"""``hub.tasks.holes``: the same walk in two models, judged by whichever of them brings a judge."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub import images, open_model
from hub.contract import Bundle
from hub.errors import RequestError
from hub.tasks.holes import judged_noise, judged_walk, judges, partners, pick_judge, verdict, walks
from hub.tasks.sample import SampleModel, noise
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import LABELS, write_tiny_bundle


@pytest.fixture
def judged(tmp_path: Path) -> SampleModel:
    write_tiny_bundle(tmp_path / "judged", bundle_id="judged", latent_dim=2, prior=False, judge=True, examples=3)
    return open_model(tmp_path / "judged")


@pytest.fixture
def plain(tmp_path: Path) -> SampleModel:
    write_tiny_bundle(tmp_path / "plain", bundle_id="plain", latent_dim=2, weights_seed=1)
    return open_model(tmp_path / "plain")


@pytest.fixture
def ends(judged: SampleModel) -> tuple[np.ndarray, np.ndarray]:
    first, last = (
        images.fit(images.read(judged.model.folder / f"examples/0{number}.png"), judged.bundle.image)
        for number in (1, 3)
    )
    return first, last


def test_a_walk_begins_and_ends_with_the_reconstructions_of_its_pictures(
    judged: SampleModel, plain: SampleModel, ends: tuple[np.ndarray, np.ndarray]
) -> None:
    for model in (judged, plain):
        made = judged_walk(model, judged, *ends, count=5)
        assert made.model == model.bundle.id and made.images.shape == (5, 32, 32, 1)
        again = model.decode(model.encode(np.stack(ends)))
        assert np.abs(made.images[[0, -1]].astype(int) - again.astype(int)).max() <= 1


def test_every_step_is_judged_and_the_worst_is_the_least_sure(
    judged: SampleModel, plain: SampleModel, ends: tuple[np.ndarray, np.ndarray]
) -> None:
    made = judged_walk(plain, judged, *ends, count=7)
    probabilities = judged.judge(made.images)
    assert np.allclose(made.confidence, probabilities.max(axis=1), atol=1e-5)
    assert made.named == tuple(LABELS[each] for each in probabilities.argmax(axis=1))
    assert made.confidence[made.worst] == made.confidence.min()
    assert verdict(judged, made.images)[1] == made.named


def test_noise_is_decoded_as_it_comes_or_through_the_prior_and_judged(judged: SampleModel, plain: SampleModel) -> None:
    drawn = noise(9, 2, seed=4)
    for model in (judged, plain):
        made = judged_noise(model, judged, 9, seed=4)
        assert np.array_equal(made.images, model.decode(drawn)), "the same noise for both, past any prior"
        assert np.allclose(made.confidence, judged.judge(made.images).max(axis=1), atol=1e-5)
        assert made.mean == pytest.approx(made.confidence.mean())
    through = judged_noise(plain, judged, 9, seed=4, through_prior=True)
    assert np.array_equal(through.images, plain.sample(9, seed=4))
    assert not np.array_equal(through.images, judged_noise(plain, judged, 9, seed=4).images)


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ({"count": 1}, "number of pictures"),
        ({"count": 10**6}, "number of pictures"),
        ({"seed": -1}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"through_prior": True}, "has no prior"),
    ],
)
def test_noise_that_makes_no_sense_is_refused_in_a_sentence(
    judged: SampleModel, how: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(RequestError, match=complaint) as refused:
        judged_noise(judged, judged, **how)
    sentence(refused.value)


def test_the_judge_comes_from_whichever_model_has_one(judged: SampleModel, plain: SampleModel) -> None:
    assert pick_judge([plain, judged]) is judged
    assert pick_judge([plain], [judged]) is judged
    with pytest.raises(RequestError, match="No model here has a judge") as refused:
        pick_judge([plain])
    sentence(refused.value)


def test_beside_a_model_stands_first_what_differs_in_its_objective_alone(tmp_path: Path) -> None:
    made = {
        name: write_tiny_bundle(tmp_path / name, bundle_id=name, **how)  # type: ignore[arg-type]
        for name, how in {
            "ae": {"latent_dim": 2, "prior": False, "judge": True},
            "large-vae": {"latent_dim": 8},
            "gan": {"latent_dim": 2, "encoder": False},
            "cvae": {"latent_dim": 2, "conditional": True},
            "other-ae": {"latent_dim": 2, "prior": False},
            "vae": {"latent_dim": 2},
        }.items()
    }
    found: list[Bundle] = partners(made["ae"], made.values())
    assert [each.id for each in found] == ["vae", "other-ae", "large-vae"]
    assert [name for name, bundle in made.items() if judges(bundle)] == ["ae"]
    assert [name for name, bundle in made.items() if not walks(bundle)] == ["gan", "cvae"]


@pytest.mark.parametrize(
    ("how", "complaint"),
    [({"count": 1}, "steps"), ({"count": 10**6}, "steps"), ({"count": "x"}, "steps"), ({"path": "zigzag"}, "path")],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    judged: SampleModel, ends: tuple[np.ndarray, np.ndarray], how: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(RequestError, match=complaint) as refused:
        judged_walk(judged, judged, *ends, **how)
    sentence(refused.value)


def test_a_model_that_reads_no_pictures_cannot_walk_between_them(
    judged: SampleModel, ends: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    write_tiny_bundle(tmp_path / "gan", bundle_id="gan", encoder=False)
    with pytest.raises(RequestError, match="'gan' has no encoder") as refused:
        judged_walk(open_model(tmp_path / "gan"), judged, *ends)
    sentence(refused.value)

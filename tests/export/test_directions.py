"""Attribute directions: from the training split alone, measured on pictures it has not seen."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from export.directions import MIN_AUROC, directions, encoded
from export.errors import ExportError
from export.graphs import wrap
from export.trained import Examples, Trained
from hub.contract import Direction
from tests.export.stand_ins import LATENT, SIZE, modules, trained
from training.data.attributes import Attribute
from training.data.build import attributes_of
from training.data.fashion import CLASS_NAMES
from training.errors import TrainingError

BRIGHT = Attribute("Bright", "label", having=(1,), lacking=(0,))
SMILE = Attribute("Smile", "mouth", having=(3, 4), lacking=(0,))


class MeanLevels(nn.Module):
    """The mean level of each sixth of the rows: a latent of which one can say what it should be."""

    def forward(self, image: Tensor) -> Tensor:
        return image[:, 0, :12].reshape(-1, LATENT, 2 * SIZE).mean(dim=2)


def shaded(count: int, seed: int, apart: float = 80) -> Examples:
    """Noise, brighter by ``apart`` where the label is 1; a column ``mouth`` is 3 or 4 in these, 0 in the others."""
    random = np.random.RandomState(seed)
    labels = np.arange(count) % 3
    levels = 100 + apart * (labels == 1)[:, None, None, None] + random.normal(0, 30, (count, SIZE, SIZE, 1))
    mouth = np.where(labels == 1, 3 + np.arange(count) % 2, 0)
    return Examples(levels.clip(0, 255).astype(np.uint8), labels=labels, columns={"mouth": mouth})


def model(**changes: object) -> Trained:
    fields: dict[str, Any] = {
        "modules": {"decoder": modules("sample")["decoder"], "encoder": MeanLevels().eval()},
        "calibration": shaded(90, seed=0),
        "held_out": shaded(60, seed=1),
        "attributes": (BRIGHT,),
    }
    return trained(**(fields | changes))


def found(subject: Trained) -> tuple[Direction, ...]:
    return directions(subject, wrap(subject.task, subject.modules, subject.sizes))


def test_a_direction_is_the_way_between_the_means_of_the_training_pictures() -> None:
    subject = model()
    (bright,) = found(subject)
    encoder = wrap("sample", subject.modules, subject.sizes)["encoder"]
    latents, labels = encoded(encoder, subject.calibration.images), subject.calibration.labels
    assert labels is not None
    assert np.allclose(bright.vector, latents[labels == 1].mean(0) - latents[labels == 0].mean(0), rtol=1e-4)
    assert (bright.name, bright.auroc) == ("Bright", 1.0)
    assert found(replace(subject, held_out=shaded(60, seed=9)))[0].vector == bright.vector


def test_its_quality_is_that_on_held_out_pictures() -> None:
    (perfect,), (worse,) = found(model()), found(model(held_out=shaded(600, seed=1, apart=4)))
    assert MIN_AUROC <= worse.auroc < perfect.auroc


def test_a_direction_that_does_not_separate_held_out_pictures_is_not_shipped() -> None:
    assert found(model(held_out=shaded(60, seed=1, apart=0))) == ()


def test_other_columns_than_the_class_make_directions_too() -> None:
    (smile,) = found(model(attributes=(SMILE,)))
    assert smile.name == "Smile" and smile.auroc == 1
    with pytest.raises(ExportError, match="needs a column 'hair', which the data has not"):
        found(model(attributes=(replace(SMILE, column="hair"),)))


def test_an_attribute_that_no_picture_has_makes_none() -> None:
    assert found(model(attributes=(replace(BRIGHT, having=(7,)),))) == ()


def test_a_model_without_encoder_has_none() -> None:
    assert found(model(modules={"decoder": modules("sample")["decoder"]})) == ()


def test_fashion_declares_attributes_of_classes_it_has_and_a_folder_declares_none() -> None:
    declared = attributes_of("fashion")
    assert len({each.name for each in declared}) == len(declared) >= 4
    for each in declared:
        assert each.column == "label" and not set(each.having) & set(each.lacking)
        assert {*each.having, *each.lacking} <= set(range(len(CLASS_NAMES)))
    assert attributes_of("fashion_tiny") == declared and attributes_of("my holiday") == ()


def test_rows_of_other_values_say_nothing() -> None:
    having, lacking = BRIGHT.groups({"label": np.array([2, 1, 0, 1])})
    assert having.tolist() == [1, 3] and lacking.tolist() == [2]
    with pytest.raises(TrainingError):
        BRIGHT.groups({})

"""``hub.tasks.inpaint``: holes are filled, all else comes back as it was, and what makes no sense gets a sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hub import open_model
from hub.errors import BundleError, RequestError
from hub.runtime.engine import Engine
from hub.tasks import speak
from hub.tasks.inpaint import InpaintModel
from hub.tasks.sample import SampleModel
from tests.hub.conftest import Turn
from tests.hub.foreign_models import lama_repository
from tests.hub.sentence import sentence
from tests.hub_stand_in import HubStandIn


@pytest.fixture
def ours(stand_in: Callable[[str], Path]) -> InpaintModel:
    """A bundle exported from PyTorch."""
    model: InpaintModel = open_model(stand_in("inpaint"))
    return model


@pytest.fixture
def theirs(hub_stand_in: HubStandIn) -> InpaintModel:
    """A public LaMa, through its adapter."""
    hub_stand_in.add("Carve/LaMa-ONNX", lama_repository())
    model: InpaintModel = open_model("Carve/LaMa-ONNX@main")
    return model


@pytest.fixture(params=["ours", "theirs"])
def model(request: pytest.FixtureRequest) -> InpaintModel:
    found: InpaintModel = request.getfixturevalue(request.param)
    return found


def pictures(model: InpaintModel, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    spec = model.bundle.image
    shape = (count, spec.height, spec.width)
    masks = np.zeros(shape, np.uint8)
    masks[:, : spec.height // 2, : spec.width // 2] = 255
    return np.random.RandomState(0).randint(0, 256, (*shape, 3), dtype=np.uint8), masks


def test_known_pixels_come_back_bit_exact_and_the_hole_does_not(model: InpaintModel) -> None:
    images, masks = pictures(model)
    filled = model.inpaint(images, masks)
    assert filled.shape == images.shape and filled.dtype == np.uint8
    assert (filled[masks == 0] == images[masks == 0]).all()
    assert (filled[masks == 255] != images[masks == 255]).any()


def test_one_picture_is_the_first_of_a_batch_however_the_mask_is_shaped(model: InpaintModel) -> None:
    images, masks = pictures(model)
    batch = model.inpaint(images, masks)
    for mask in (masks[0], masks[0, ..., None]):
        assert (model.inpaint(images[0], mask) == batch[0]).all()
        assert (model.inpaint(images, mask) == batch).all(), "one mask is for all"
    assert (model.inpaint(images, masks[..., None]) == batch).all()


def test_a_large_batch_is_its_pictures(model: InpaintModel, monkeypatch: pytest.MonkeyPatch) -> None:
    images, masks = pictures(model, 3)
    together = model.inpaint(images, masks)
    monkeypatch.setattr("hub.tasks.inpaint.PIXELS_AT_ONCE", 1)
    assert (model.inpaint(images, masks) == together).all()


def test_a_public_model_takes_pictures_of_any_size(theirs: InpaintModel) -> None:
    image, mask = np.full((90, 333, 3), 60, np.uint8), np.zeros((90, 333), np.uint8)
    mask[20:60, 100:200] = 255
    filled = theirs.inpaint(image, mask)
    assert (filled[mask == 0] == 60).all() and (filled[30:50, 120:180, 0] == 200).all()


RGB, MASK = np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 255, np.uint8)


@pytest.mark.parametrize(
    ("image", "mask", "said"),
    [
        (RGB, np.zeros((64, 64), np.uint8), "The mask is empty"),
        (RGB, np.full((64, 64), 127, np.uint8), "The mask is empty"),
        (np.stack([RGB, RGB]), np.stack([MASK, 0 * MASK]), "The mask is empty"),
        (RGB, np.full((32, 64), 255, np.uint8), "[32, 64]"),
        (RGB, np.full((3, 64, 64), 255, np.uint8), "[3, 64, 64]"),
        (RGB, np.full((64, 64, 3), 255, np.uint8), "[64, 64, 3]"),
        (RGB, np.ones((64, 64), bool), "not bool"),
        (RGB, np.ones((64, 64), np.float32), "not float32"),
        (RGB / 255, MASK, "not float64"),
        (RGB[..., :1], MASK, "[64, 64, 1]"),
        (RGB[..., 0], MASK, "[64, 64]"),
        (np.zeros((64, 64, 4), np.uint8), MASK, "[64, 64, 4]"),
        (np.zeros((0, 64, 3), np.uint8), MASK, "is empty"),
        (np.stack([RGB] * 5), MASK, "At most 4 pictures"),
        ("a picture", MASK, "uint8"),
        ([[1, 2], [3]], MASK, "different lengths"),
        (None, None, "uint8"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    image: object, mask: object, said: str, theirs: InpaintModel, turn: Turn
) -> None:
    turn(max_count=4)
    with pytest.raises(RequestError) as refused:
        theirs.inpaint(image, mask)  # type: ignore[arg-type]
    assert said in sentence(refused.value)


def test_a_picture_that_does_not_fit_is_one_sentence(ours: InpaintModel) -> None:
    spec = ours.bundle.image
    image = np.zeros((spec.height + 1, spec.width, 3), np.uint8)
    with pytest.raises(RequestError) as refused:
        ours.inpaint(image, np.full(image.shape[:2], 255, np.uint8))
    assert f"{spec.width} x {spec.height + 1}" in sentence(refused.value)


def test_no_task_is_spoken_by_another_s_words(theirs: InpaintModel, tiny_bundle: Path) -> None:
    with pytest.raises(BundleError) as refused:
        speak(theirs.model, SampleModel)
    assert "has the task 'inpaint'; give a model of the task 'sample'" in sentence(refused.value)
    with pytest.raises(BundleError, match="has the task 'sample'; give a model of the task 'inpaint'"):
        speak(Engine([tiny_bundle]).model("tiny"), InpaintModel)

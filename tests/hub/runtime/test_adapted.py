"""``hub.runtime.adapted``: graphs that do not speak the contract answer as if they did."""

from pathlib import Path

import numpy as np
import pytest

from hub.adapters import AdaptedPort
from hub.errors import RequestError
from hub.runtime.adapted import _from_graph, _to_graph
from hub.runtime.bench import measure
from hub.runtime.engine import Engine, Model
from hub.runtime.feeds import example
from tests.hub.conftest import Turn
from tests.hub.foreign_models import clip_repository, lama_repository, style_repository
from tests.hub_stand_in import Files, HubStandIn


@pytest.fixture
def model(hub_stand_in: HubStandIn, request: pytest.FixtureRequest) -> Model:
    """The model in a repository of such files."""
    files: Files = request.param
    hub_stand_in.add("someone/theirs", files)
    return Engine(["someone/theirs"]).model("theirs")


inpaints = pytest.mark.parametrize("model", [lama_repository(), lama_repository(batch=1)], indirect=True)
styles = pytest.mark.parametrize("model", [style_repository(), style_repository("udnie-8")], indirect=True)
SIZES = [(512, 512), (64, 64), (300, 200), (37, 1000), (1, 1), (700, 900)]


def noise(count: int, height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.RandomState(height * width).randint(0, 256, (count, height, width, channels), dtype=np.uint8)


@inpaints
@pytest.mark.parametrize("size", SIZES)
def test_known_pixels_come_back_bit_exact_and_the_hole_is_filled(model: Model, size: tuple[int, int]) -> None:
    image, mask = noise(2, *size), np.zeros((2, *size, 1), np.uint8)
    mask[:, : -(-size[0] // 2), : -(-size[1] // 2)] = 255
    answer = model.run("inpainter", {"image": image, "mask": mask})["inpainted"]
    hole = mask[..., 0] > 127
    assert answer.shape == image.shape and answer.dtype == np.uint8
    assert (answer[~hole] == image[~hole]).all()
    inner = np.zeros_like(hole)
    inner[:, : max(1, size[0] // 2 - 8), : max(1, size[1] // 2 - 8)] = True
    assert np.abs(answer[inner & hole][:, :2].astype(int) - [200, 100]).max() <= 2


@inpaints
def test_the_graph_never_sees_what_lies_under_the_hole(model: Model) -> None:
    one, other = np.full((1, 512, 512, 3), 90, np.uint8), np.full((1, 512, 512, 3), 90, np.uint8)
    mask = np.zeros((1, 512, 512, 1), np.uint8)
    mask[:, 100:300, 100:300] = 255
    other[:, 100:300, 100:300] = 255
    answers = [model.run("inpainter", {"image": image, "mask": mask})["inpainted"] for image in (one, other)]
    assert (answers[0] == answers[1]).all()


@inpaints
def test_a_hole_one_pixel_wide_is_not_lost_on_the_way_to_a_smaller_graph(model: Model) -> None:
    image, mask = np.full((1, 1500, 1500, 3), 30, np.uint8), np.zeros((1, 1500, 1500, 1), np.uint8)
    mask[:, 700, 200:1200] = 255
    answer = model.run("inpainter", {"image": image, "mask": mask})["inpainted"]
    assert (answer[0, 700, 300:1100, 0] > 60).all() and (answer[0, :700] == 30).all()


@inpaints
def test_an_antialiased_mask_is_cut_in_the_middle(model: Model) -> None:
    image, mask = np.full((1, 512, 512, 3), 30, np.uint8), np.zeros((1, 512, 512, 1), np.uint8)
    mask[:, :, :100], mask[:, :, 100:200] = 128, 127
    answer = model.run("inpainter", {"image": image, "mask": mask})["inpainted"]
    assert (answer[:, :, :100, 0] == 200).all() and (answer[:, :, 100:] == 30).all()


@pytest.mark.parametrize("model", [lama_repository()], indirect=True)
def test_what_does_not_fit_the_contract_is_refused_as_with_any_model(model: Model) -> None:
    image = noise(1, 64, 64)
    for mask, said in (
        (np.zeros((1, 32, 64, 1), np.uint8), "same height"),
        (np.zeros((1, 64, 64, 3), np.uint8), "shape"),
        (np.zeros((2, 64, 64, 1), np.uint8), "same batch"),
        (np.zeros((1, 64, 64, 1), np.float32), "uint8"),
    ):
        with pytest.raises(RequestError, match=said):
            model.run("inpainter", {"image": image, "mask": mask})
    with pytest.raises(RequestError, match="takes image, mask"):
        model.run("inpainter", {"image": image})


@styles
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_of_any_size_is_repainted_at_its_own_size(model: Model, size: tuple[int, int]) -> None:
    image = np.broadcast_to(np.array([10, 100, 250], np.uint8), (2, *size, 3))
    answer = model.run("translator", {"image": image})["translated"]
    assert answer.shape == image.shape
    assert (answer == [255, 110, 20]).all(), "red and blue changed places; beyond white is white"


@styles
def test_at_the_graph_s_own_size_no_pixel_is_resampled_and_a_batch_is_its_pictures(model: Model) -> None:
    images = noise(3, 224, 224)
    answer = model.run("translator", {"image": images})["translated"]
    assert (answer == np.minimum(images[..., ::-1].astype(int) + 10, 255)).all()
    one_by_one = [model.run("translator", {"image": each[None]})["translated"][0] for each in images]
    assert (answer == np.stack(one_by_one)).all()


@styles
def test_proportions_are_kept(model: Model) -> None:
    image = np.zeros((1, 100, 400, 3), np.uint8)
    image[:, :, 200:] = 240
    answer = model.run("translator", {"image": image})["translated"].astype(int)
    assert np.abs(answer[:, :, :190] - 10).max() <= 2 and np.abs(answer[:, :, 210:] - 250).max() <= 2


@pytest.mark.parametrize("masked", [False, True])
def test_towers_with_and_without_an_attention_mask_take_the_same_words(masked: bool, hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/clip", clip_repository(masked))
    model = Engine(["someone/clip"]).model("clip")
    ids = np.array([[1, 2, 3, 3], [4, 5, 6, 7]])
    mask = np.array([[1, 1, 1, 0], [1, 1, 1, 1]])
    both = model.run("text_model", {"input_ids": ids, "attention_mask": mask})
    assert both.keys() == {"text_embeds"} and both["text_embeds"].shape == (2, 16)
    short = model.run("text_model", {"input_ids": ids[:1, :3], "attention_mask": mask[:1, :3]})["text_embeds"]
    assert np.allclose(short, both["text_embeds"][:1], atol=1e-5) == masked
    planes = np.random.RandomState(0).standard_normal((3, 3, 224, 224)).astype(np.float32)
    images = model.run("vision_model", {"pixel_values": planes})
    assert images.keys() == {"image_embeds"} and images["image_embeds"].dtype == np.float32


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("span", [(0, 1), (-1, 1), (0, 255), (1, 0), ((-2.1, 2.2), (-2.0, 2.4), (-1.8, 2.6))])
def test_every_level_survives_the_way_in_and_out(span: object, layout: str, channels: str) -> None:
    port = AdaptedPort.model_validate(
        {"name": "x", "shape": ["n", "a", "b", "c"], "range": span, "layout": layout, "channels": channels}
    )
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    levels[..., 1], levels[..., 2] = 255 - levels[..., 1], levels[..., 2] // 2
    assert (_from_graph(_to_graph(levels, port), port) == levels).all()


def test_a_mask_in_which_nought_is_the_hole_is_a_range_that_falls() -> None:
    port = AdaptedPort(name="m", shape=(1, 1, 2, 2), range=(1, 0))
    mask = np.array([255, 0, 0, 255], np.uint8).reshape(1, 2, 2, 1)
    assert _to_graph(mask, port).ravel().tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("model", [lama_repository(batch=1)], indirect=True)
def test_it_is_benchmarked_like_any_model(model: Model) -> None:
    (cell,) = [each for each in measure(model.resolved, 1, seconds=0.001) if each.provider == "cpu"]
    assert cell.milliseconds.keys() == {1, 16} and not cell.refused


@pytest.mark.parametrize("model", [style_repository()], indirect=True)
def test_a_provider_is_chosen_for_it_once_and_remembered(model: Model, turn: Turn, tmp_path: Path) -> None:
    turn(provider="auto")
    choice = model.choice
    assert Engine(["someone/theirs"]).model("theirs").choice == choice
    assert model.run("translator", example(model.bundle.graphs["translator"], 1))["translated"].shape == (
        1,
        128,
        128,
        3,
    )

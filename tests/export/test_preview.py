"""The pictures on the card: samples beside their nearest training pictures tell learning by heart from learning."""

import re

import numpy as np

from export.graphs import Arrays, wrap
from export.inputs import Inputs
from export.parity import Run
from export.preview import COMPARED, neighbours, preview
from export.trained import Examples
from tests.export.stand_ins import SIZE, trained

GAP = 2


def generator(images: np.ndarray) -> dict[str, Run]:
    """A decoder that makes ``images``, whatever it is fed, and a prior that changes nothing."""
    return {"decoder": lambda _: {"image": images}, "prior": lambda feeds: {"z": feeds["noise"]}}


def pairs(sheet: np.ndarray) -> np.ndarray:
    """The sheet's pictures, uint8 [N, 2, H, W]: each sample and its neighbour."""
    tops, lefts = (range(0, length, SIZE + GAP) for length in sheet.shape[:2])
    tiles = [sheet[top : top + SIZE, left : left + SIZE, 0] for top in tops for left in lefts]
    return np.stack(tiles).reshape(-1, 2, SIZE, SIZE)


def test_a_generator_that_repeats_its_training_pictures_is_given_away() -> None:
    model = trained()
    repeated = model.calibration.images[np.arange(COMPARED) % len(model.calibration)]
    sheet, caption = neighbours(model, generator(repeated))
    shown = pairs(sheet)
    assert np.array_equal(shown[:, 0], repeated[..., 0]) and np.array_equal(shown[:, 0], shown[:, 1])
    assert " 0.00 times " in caption and f"{COMPARED} are copies" in caption


def test_each_sample_stands_beside_the_nearest_of_all_training_pictures() -> None:
    model = trained()
    made = np.random.RandomState(0).randint(0, 256, (COMPARED, SIZE, SIZE, 1)).astype(np.uint8)
    sheet, caption = neighbours(model, generator(made))
    known = model.calibration.images[..., 0].astype(int)
    for sample, neighbour in pairs(sheet).astype(int):
        assert np.square(neighbour - sample).sum() == np.square(known - sample).sum(axis=(1, 2)).min()
    ratio = re.search(r"distance is ([0-9.]+) times", caption)
    assert ratio is not None and float(ratio[1]) > 1 and " 0 are copies" in caption


def test_a_model_that_can_be_told_shows_what_it_does_told_nothing() -> None:
    pictures = np.random.RandomState(0).randint(0, 256, (3, SIZE, SIZE, 3)).astype(np.uint8)
    model = trained("translate", told=True, held_out=Examples(pictures, targets=255 - pictures))
    graphs = wrap(model.task, model.modules, model.sizes, model.optional_inputs)
    seen: list[np.ndarray] = []

    def run(feeds: Arrays) -> dict[str, np.ndarray]:
        seen.append(feeds["level"])
        return {"translated": feeds["image"] // 2}

    ports = {name: graph.ports for name, graph in graphs.items()}
    made = preview(model, ports, {"translator": run}, Inputs(model, model.held_out, graphs))
    assert made.caption.startswith("From left to right: image, translated, what it should be.")
    assert seen and all((level == -1).all() for level in seen)


def test_of_two_way_models_it_shows_the_way_back_from_where_the_picture_should_come_to() -> None:
    pictures = np.random.RandomState(0).randint(0, 256, (3, SIZE, SIZE, 3)).astype(np.uint8)
    model = trained("translate", held_out=Examples(pictures, targets=255 - pictures))
    graphs = wrap(model.task, model.modules, model.sizes)
    ports = {name: graph.ports for name, graph in graphs.items()}
    runs: dict[str, Run] = {
        "translator": lambda feeds: {"translated": feeds["image"] // 2},
        "inverse": lambda feeds: {"translated": feeds["image"] // 4},
    }
    sheet, caption = preview(model, ports, runs, Inputs(model, model.held_out, graphs))
    scale = (sheet.shape[1] - 3 * GAP) // 4 // SIZE
    first = [
        sheet[: SIZE * scale : scale, at : at + SIZE * scale : scale]
        for at in range(0, sheet.shape[1], SIZE * scale + GAP)
    ]
    assert len(first) == 4
    assert "image, translated, what it should be, the way back from there." in caption
    assert np.array_equal(first[1], first[0] // 2)
    assert np.array_equal(first[2], 255 - first[0]) and np.array_equal(first[3], first[2] // 4)

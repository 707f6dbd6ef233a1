"""Points on the map: test pictures, back through the prior."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from export.graphs import wrap
from export.points import MOST, points
from export.trained import Examples, Trained
from tests.export.stand_ins import pictures, trained
from training.nets.flow import Flow


class Corners(nn.Module):
    """The levels of two pixels as the latent."""

    def forward(self, image: Tensor) -> Tensor:
        return image[:, 0, 0, [0, -1]]


def plane(**changes: object) -> Trained:
    torch.manual_seed(0)
    prior = Flow(2, layers=3, width=8).eval()
    fields: dict[str, Any] = {
        "modules": {"decoder": nn.Linear(2, 2), "encoder": Corners(), "prior": prior},
        "latent_dim": 2,
        "shown": Examples(pictures(30, 1), labels=np.arange(30) % 3),
        "class_names": ("a", "b", "c"),
    }
    return trained(**(fields | changes))


def found(subject: Trained) -> dict[str, np.ndarray] | None:
    graphs = wrap("sample", subject.modules, subject.sizes)
    return points(subject, graphs)


def test_the_prior_makes_the_latents_of_what_was_found() -> None:
    subject = plane()
    made = found(subject)
    assert made is not None and made["noise"].dtype == np.float16 and made["label"].tolist() == [0, 1, 2] * 10
    with torch.inference_mode():
        z = subject.modules["prior"](torch.from_numpy(made["noise"].astype(np.float32))).numpy()
    assert subject.shown is not None
    assert np.allclose(z, subject.shown.images[:, 0, [0, -1], 0] / 127.5 - 1, atol=5e-3)


def test_there_are_at_most_so_many_and_from_all_of_the_split() -> None:
    many = Examples(pictures(MOST + 500, 1), labels=np.arange(MOST + 500) // 250)
    made = found(plane(shown=many, class_names=tuple("abcdefghij")))
    assert made is not None and len(made["label"]) == MOST and set(made["label"]) == set(range(10))


def test_no_plane_no_test_pictures_no_way_back_no_points() -> None:
    assert found(plane(latent_dim=3)) is None and found(plane(shown=None)) is None
    assert found(plane(class_names=())) is None
    assert found(plane(modules={"decoder": nn.Linear(2, 2), "encoder": Corners(), "prior": nn.Linear(2, 2)})) is None

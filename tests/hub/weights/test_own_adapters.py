"""Adapters in a catalog of one's own: they open what they describe, and say nothing that they may not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hub.adapters import shipped
from hub.catalog import adapters, catalog
from hub.errors import HubError
from hub.runtime.engine import Engine
from tests.hub.conftest import Turn
from tests.hub.foreign_models import lama_repository
from tests.hub.sentence import sentence
from tests.hub_stand_in import HubStandIn

OWN = """
[holes]
repo = "someone/drawings"
revision = "{revision}"
adapter = "drawings"

[adapters.drawings]
title = "Drawings"
task = "inpaint"
description = "Fills holes in drawings."
licence = "MIT"
height = "settings.json#/side"
width = 64
beside = ["settings.json"]

[adapters.drawings.graphs.inpainter]
files = ["net.onnx"]
inputs.image = {{ name = "image", shape = ["n", 3, 64, 64], range = [0, 1] }}
inputs.mask = {{ name = "mask", shape = ["n", 1, 64, 64], range = [0, 1] }}
outputs.inpainted = {{ name = "output", shape = ["n", 3, 64, 64], range = [0, 255] }}
"""


@pytest.fixture
def own_catalog(turn: Turn, tmp_path: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        (tmp_path / "mine.toml").write_text(text)
        turn(catalog=tmp_path / "mine.toml")

    return write


def test_a_catalog_of_one_s_own_adapts_what_it_likes(
    hub_stand_in: HubStandIn, own_catalog: Callable[[str], None]
) -> None:
    files = {"net.onnx": lama_repository(size=64)["lama_fp32.onnx"], "settings.json": b'{"side": 64}'}
    commit = hub_stand_in.add("someone/drawings", files)
    own_catalog(OWN.format(revision=commit))
    assert list(catalog()) == ["holes"] and list(adapters()) == ["drawings", *shipped()]
    (model,) = Engine().models.values()
    assert (model.bundle.id, model.bundle.title) == ("holes", "Drawings · someone/drawings")
    image = np.full((2, 64, 64, 3), 50, np.uint8)
    mask = np.zeros((2, 64, 64, 1), np.uint8)
    mask[:, :8] = 255
    answer = model.run("inpainter", {"image": image, "mask": mask})["inpainted"]
    assert (answer[:, :8, :, 0] == 200).all() and (answer[:, 8:] == 50).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('task = "inpaint"', 'task = "swap"'), "adapters.drawings.task"),
        (("inputs.mask", "inputs.hole"), "needs the inputs ['image', 'mask']"),
        (("range = [0, 1] }\ninputs", "range = [1, 1] }\ninputs"), "two different ends"),
        (('shape = ["n", 1, 64, 64], ', 'shape = ["n", 64, 64], '), "four dimensions"),
        (('adapter = "drawings"', 'adapter = "paintings"'), "names the adapter 'paintings'"),
        (('adapter = "drawings"', 'adapter = "drawings"\nembedded = true'), "with nothing else"),
        (('files = ["net.onnx"]', 'files = ["../net.onnx"]'), "not one inside the bundle"),
        (('files = ["net.onnx"]', 'files = ["net.onnx"]\ncode = "import os"'), "code"),
        (('"settings.json#/side"', '"../settings.json#/side"'), "height"),
    ],
)
def test_an_adapter_that_says_what_it_may_not_is_one_sentence(
    change: tuple[str, str], said: str, own_catalog: Callable[[str], None]
) -> None:
    text = OWN.format(revision="a" * 40)
    assert change[0] in text
    own_catalog(text.replace(*change))
    with pytest.raises(HubError) as refused:
        catalog()
    assert said in sentence(refused.value)

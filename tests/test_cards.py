"""The cards of the models that ship: what each has to say beyond its numbers."""

import re

import pytest

from hub.catalog import catalog_ids
from hub.weights import resolve


def of_models(*families: str) -> list[str]:
    return [name for name in catalog_ids() if resolve(name).bundle.family in families]


def card(name: str) -> str:
    return (resolve(name).folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", of_models("pix2pix", "cyclegan"))
def test_a_translator_s_card_says_that_no_noise_varies_its_answer(name: str) -> None:
    assert "there is no noise" in card(name).lower()


@pytest.mark.parametrize("name", of_models("denoiser", "lowdose"))
def test_a_restorer_s_card_tells_a_level_that_it_knows(name: str) -> None:
    damage = resolve(name).bundle.restores
    assert damage is not None
    told = re.findall(r"model\.translate\(pixels, level=(\d+)\)", card(name))
    assert told and all(damage.lowest <= int(level) <= damage.highest for level in told)

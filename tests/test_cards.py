"""The cards of the models that ship: what each has to say beyond its numbers."""

import pytest

from hub.catalog import catalog_ids
from hub.weights import resolve

TRANSLATORS = [name for name in catalog_ids() if resolve(name).bundle.family in ("pix2pix", "cyclegan")]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_translator_s_card_says_that_no_noise_varies_its_answer(name: str) -> None:
    card = (resolve(name).folder / "README.md").read_text(encoding="utf-8")
    assert "there is no noise" in card.lower()

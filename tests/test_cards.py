"""The cards of the models that ship: what each has to say beyond its numbers."""

import re

import pytest

from hub.catalog import catalog_ids
from hub.contract import OURS
from hub.tabs.models.rows import headline
from hub.weights import resolve


def of_models(*families: str) -> list[str]:
    return [name for name in catalog_ids() if resolve(name).bundle.family in families]


def card(name: str) -> str:
    return (resolve(name).folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", of_models("pix2pix", "cyclegan"))
def test_a_translator_s_card_says_that_no_noise_varies_its_answer(name: str) -> None:
    assert "there is no noise" in card(name).lower()


@pytest.mark.parametrize("name", catalog_ids())
def test_what_a_number_is_read_beside_is_the_best_of_what_others_have(name: str) -> None:
    metric = headline(resolve(name).bundle)
    if metric is None or metric.rival is None:
        return
    rival, value, _ = metric.rival
    assert not rival.startswith((OURS, "without")) and (len(metric.baselines) == 1 or "floor" not in rival)
    if resolve(name).bundle.restores:
        classical = {other for other in metric.baselines if re.match("BM3D|non-local|total|gamma|CLAHE|white", other)}
        assert rival in classical
        assert value == max(
            metric.baselines[other] for other in classical if ("pictures" in other) == ("pictures" in rival)
        )


@pytest.mark.parametrize("name", of_models("denoiser", "lowlight", "lowdose"))
def test_a_restorer_s_card_tells_a_level_that_it_knows(name: str) -> None:
    damage = resolve(name).bundle.restores
    assert damage is not None
    told = re.findall(r"model\.translate\(pixels, level=(\d+)\)", card(name))
    assert told and all(damage.lowest <= int(level) <= damage.highest for level in told)

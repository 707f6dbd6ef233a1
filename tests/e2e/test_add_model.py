"""Add a model in a real browser: from the Hub into every tab, or a sentence, and the hub goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.catalog import EMBEDDED
from tests.e2e.conftest import Visit
from tests.hub.foreign_models import lama_repository
from tests.hub_stand_in import HubStandIn, files_of
from tests.serving import RunningHub, serving

DESK, PHONE = (1280, 900), (390, 844)


@pytest.fixture
def hub(hub_stand_in: HubStandIn, tmp_path: Path) -> Iterator[RunningHub]:
    files = files_of(EMBEDDED / "gan-fashion")
    hub_stand_in.add("someone/their-gan", files)
    hub_stand_in.add("someone/tampered", files | {"onnx/decoder.onnx": files["onnx/decoder.onnx"][:-1] + b"!"})
    hub_stand_in.add("someone/vae", files_of(EMBEDDED / "vae-fashion"))
    hub_stand_in.add("someone/lama", lama_repository())
    with serving("--models", "vae-fashion", GENHUB_CACHE=str(tmp_path / "served"), GENHUB_PROVIDER="cpu") as running:
        yield running


def open_section(visit: Visit, hub: RunningHub) -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    visit.page.get_by_role("tab", name="Models").click()
    visit.page.locator("#model-card img").first.wait_for()
    visit.page.get_by_role("button", name="Add a model").click()
    visit.page.locator("#add-name input, #add-name textarea").wait_for()


def ask(visit: Visit, name: str, key: bool = False) -> None:
    field = visit.page.locator("#add-name input, #add-name textarea")
    field.fill(name)
    field.press("Enter") if key else visit.page.locator("#add-go").click()


@pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_a_model_from_the_hub_comes_into_every_tab_and_for_every_visitor(hub: RunningHub, visit: Visit) -> None:
    open_section(visit, hub)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]
    ask(visit, "someone/their-gan")
    row = visit.page.locator("#models [data-model=gan-fashion]")
    row.wait_for(timeout=60_000)
    assert "hub" in row.inner_text()
    visit.page.get_by_role("heading", name="GAN · Fashion-MNIST").wait_for()

    visit.page.get_by_role("tab", name="Sample").click()
    visit.pictures()
    before = visit.page.locator("#pictures img").first.get_attribute("src")
    visit.page.click("#model input")
    visit.page.get_by_role("option", name="GAN · Fashion-MNIST").click()
    visit.page.locator('#facts a[href="card/gan-fashion"]').wait_for()
    visit.page.wait_for_function("src => document.querySelector('#pictures img')?.src != src", arg=before)
    visit.page.get_by_role("tab", name="Latent").click()
    visit.page.click("#latent-model input")
    visit.page.get_by_role("option", name="GAN · Fashion-MNIST").click()
    visit.page.locator("#walk-film img").first.wait_for()
    assert visit.complaints == []

    other = visit.page.context.new_page()
    other.goto(hub.url)
    other.locator("#pictures img").first.wait_for()
    other.click("#model input")
    other.get_by_role("option", name="GAN · Fashion-MNIST").wait_for()


def test_what_cannot_be_added_is_said_where_one_looks_and_the_hub_goes_on(hub: RunningHub, visit: Visit) -> None:
    open_section(visit, hub)
    said = visit.page.locator("#add-outcome [role=alert]")
    for name, complaint in {
        "someone/nothing": "has no repository someone/nothing",
        "someone/tampered": "is not the file that the manifest describes",
        "someone/vae": "Two bundles are called 'vae-fashion'",
        "<img src=x onerror=alert(1)>": "There is no model",
    }.items():
        ask(visit, name, key=True)
        said.get_by_text(complaint).wait_for()
        assert visit.page.locator("#add-go").is_enabled()
        assert said.locator("img").count() == 0
    assert visit.page.locator("#models [data-model]").count() == 1
    ask(visit, "someone/lama", key=True)
    visit.page.locator("#models [data-model=lama]").wait_for(timeout=60_000)
    visit.page.get_by_role("tab", name="Files", exact=True).click()
    visit.page.get_by_text("This model is adapted").wait_for()
    visit.page.get_by_role("tab", name="Code", exact=True).click()
    visit.page.locator("#code .cm-content").get_by_text("is adapted").wait_for()
    assert visit.complaints == []


def test_where_it_is_off_there_is_nothing_to_see(hub_stand_in: HubStandIn, visit: Visit, tmp_path: Path) -> None:
    cache = str(tmp_path / "served")
    with serving("--models", "vae-fashion", GENHUB_CACHE=cache, GENHUB_ADD_MODELS="off") as closed:
        visit.page.goto(closed.url)
        visit.pictures()
        visit.page.get_by_role("tab", name="Models").click()
        visit.page.locator("#model-card img").first.wait_for()
        assert visit.page.get_by_role("button", name="Add a model").count() == 0

"""The Sample tab in a real browser: what a newcomer sees and clicks."""

import zipfile

import pytest
from PIL import Image

from tests.e2e.conftest import Visit
from tests.serving import RunningHub, started, wait_for

PHONE = (390, 844)


def test_pictures_are_there_before_anybody_clicks_and_no_other_tab_is_at_work(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    assert len(set(visit.pictures())) == 16
    asked = [url for url in visit.requests if "/queue/join" in url]
    assert len(asked) == 2, "for the pictures and for the models on offer"


def test_a_click_on_sample_shows_pictures_and_nothing_leaves_the_machine(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    before, shown = visit.pictures(), _first(visit)
    visit.page.get_by_label("Seed").fill("7")
    visit.page.click("#sample")
    visit.page.wait_for_function("first => document.querySelector('#pictures img').src != first", arg=shown)
    after = visit.pictures()
    assert len(after) == 16 and set(after).isdisjoint(before)
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith((hub.url, "data:", "blob:"))] == []


def test_the_same_seed_brings_the_same_pixels_back(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    opening = visit.pictures()
    for seed in ("7", "0"):
        shown = _first(visit)
        visit.page.get_by_label("Seed").fill(seed)
        visit.page.click("#sample")
        visit.page.wait_for_function("first => document.querySelector('#pictures img').src != first", arg=shown)
    assert visit.pictures() == opening


def test_the_dice_changes_the_seed_and_the_pictures(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    shown = _first(visit)
    visit.page.get_by_role("button", name="Another seed").click()
    visit.page.wait_for_function("first => document.querySelector('#pictures img').src != first", arg=shown)
    assert visit.page.get_by_label("Seed").input_value() != "0"


def test_sliders_obey_keys_and_the_numbers_beside_them(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    number = visit.page.get_by_label("number input for Pictures")
    number.fill("5")
    number.press("Enter")
    visit.page.wait_for_function("document.querySelectorAll('#pictures img').length == 5")
    visit.page.get_by_label("range slider for Pictures").press("ArrowLeft")
    visit.page.wait_for_function("document.querySelectorAll('#pictures img').length == 4")
    assert visit.complaints == []


def test_downloads_hold_the_grid_and_every_picture(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    with visit.page.expect_download() as png:
        visit.page.click("#download-png")
    with Image.open(png.value.path()) as grid:
        assert grid.format == "PNG" and min(grid.size) > 4 * 128
    with visit.page.expect_download() as archive:
        visit.page.click("#download-zip")
    with zipfile.ZipFile(archive.value.path()) as pictures:
        assert len(pictures.namelist()) == 16 and pictures.testzip() is None


def test_a_conditional_model_shows_every_class_or_the_one_that_is_chosen(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    _choose(visit, "#model", "CGAN")
    captions = visit.page.locator("#pictures .caption-label")
    captions.first.wait_for()
    assert captions.all_inner_texts()[:5] == ["T-shirt/top"] * 4 + ["Trouser"]
    _choose(visit, "#label", "Ankle boot")
    visit.page.wait_for_function("!document.querySelector('#pictures .caption-label')")
    assert visit.complaints == []


def test_two_models_stand_beside_each_other(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    ours = visit.pictures()
    _choose(visit, "#other", "GAN · Fashion-MNIST")
    visit.page.wait_for_function(
        "count => document.querySelectorAll('#other-pictures img').length == count", arg=len(ours)
    )
    visit.page.get_by_role("heading", name="VAE · Fashion-MNIST").wait_for()
    _choose(visit, "#other", "Nothing")
    visit.page.locator("#other-pictures").wait_for(state="hidden")
    assert visit.pictures() == ours and visit.complaints == []


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_a_phone_sees_the_pictures_first_and_never_scrolls_sideways(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    pictures, button = (visit.page.locator(name).bounding_box() for name in ("#pictures", "#sample"))
    assert pictures is not None and button is not None
    assert pictures["y"] < PHONE[1] / 2 and pictures["y"] < button["y"]


def test_dark_and_light_are_one_click_apart_and_remembered(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    background = "getComputedStyle(document.querySelector('gradio-app')).backgroundColor"
    light = visit.page.evaluate(background)
    visit.page.get_by_label("Switch between light and dark").click()
    visit.page.wait_for_function(f"light => {background} != light", arg=light)
    visit.page.reload()
    visit.pictures()
    visit.page.wait_for_function(f"light => {background} != light", arg=light)


def test_the_card_opens_with_its_picture(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    with visit.page.context.expect_page() as opened:
        visit.page.get_by_role("link", name="Read the model card").click()
    card = opened.value
    card.wait_for_load_state("networkidle")
    assert card.locator("h1").count() == 1
    assert card.evaluate(
        "[...document.images].length > 0 && [...document.images].every(image => image.naturalWidth > 0)"
    )


def test_the_welcome_page_has_real_pictures_and_becomes_the_hub(visit: Visit) -> None:
    with started() as hub:
        wait_for(f"{hub.url}/healthz", hub.process)
        visit.page.goto(hub.url)
        assert visit.page.locator("#status").count() == 1, "Gradio was faster than the welcome page"
        welcome = visit.pictures()
        visit.page.wait_for_selector("#sample", timeout=60_000)
        enlarged = visit.pictures()
        assert len(welcome) == len(enlarged) == 16
        assert visit.complaints == []


def test_the_numbers_by_temperature_stay_in_their_column(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    _choose(visit, "#model", "CGAN")
    table = visit.page.locator(".facts .temperatures")
    table.wait_for()
    overhang = table.evaluate(
        "table => table.getBoundingClientRect().right - table.parentElement.getBoundingClientRect().right"
    )
    assert overhang <= 1


def _choose(visit: Visit, dropdown: str, option: str) -> None:
    visit.page.click(f"{dropdown} input")
    visit.page.get_by_role("option", name=option, exact=option != "CGAN").click()


def _first(visit: Visit) -> str:
    source: str = visit.page.locator("#pictures img").first.get_attribute("src") or ""
    return source

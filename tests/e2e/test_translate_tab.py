"""The Translate tab in a real browser: examples and uploads, a pen, both directions, the camera, many files at once."""

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Playwright

from tests.e2e.conftest import CHROMIUM, FLAGS, Visit
from tests.hub.tiny_translator import outline, write_tiny_translator
from tests.serving import RunningHub, serving

PHONE = (390, 844)
DARK, WHITE, BLUE = [0, 0, 0], [255, 255, 255], [0, 0, 255]


@pytest.fixture(scope="module")
def translators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with one that goes both ways and knows what should be, and one of any size without examples."""
    folder = tmp_path_factory.mktemp("bundles")
    shared: dict[str, Any] = {"restores": False, "channels": 3}
    both: dict[str, Any] = {"inverse": True, "sides": ("sketch", "Other colours")}
    write_tiny_translator(folder / "turn", bundle_id="turn", dynamic=False, drawings=True, **both, **shared)
    write_tiny_translator(folder / "bare", bundle_id="bare", examples=0, **shared)
    with serving("--models", f"{folder / 'turn'},{folder / 'bare'}", GENHUB_PROVIDER="cpu") as running:
        yield running


def open_tab(visit: Visit, hub: RunningHub, section: str = "Picture") -> None:
    visit.page.goto(hub.url)
    visit.page.get_by_role("tab", name="Translate").click()
    visit.page.locator("#translated img").first.wait_for()
    visit.page.get_by_role("tab", name=section).click()


def picture(visit: Visit, name: str, within: str = "#translated", than: str = "") -> str:
    """The source of the picture called ``name``, once it is another than ``than``."""
    visit.page.wait_for_function(
        """([within, name, than]) => {
            const shown = document.querySelector(`${within} img[alt="${name}"]`)
            return shown && shown.complete && shown.src != than
        }""",
        arg=[within, name, than],
    )
    return visit.page.locator(f'{within} img[alt="{name}"]').get_attribute("src") or ""


def colour(visit: Visit, source: str, right: float, down: float) -> list[int]:
    """Red, green and blue at a place of a picture, in shares of its sides."""
    found: list[int] = visit.page.evaluate(
        """async ([source, right, down]) => {
            const image = Object.assign(new Image(), {src: source}); await image.decode()
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight)
            const context = canvas.getContext('2d'); context.drawImage(image, 0, 0)
            return [...context.getImageData(right * canvas.width, down * canvas.height, 1, 1).data].slice(0, 3)
        }""",
        [source, right, down],
    )
    return found


def stroke(visit: Visit, down: float, lift: bool = True) -> None:
    box = visit.page.locator(".pad canvas").bounding_box()
    assert box is not None
    mouse, y = visit.page.mouse, box["y"] + down * box["height"]
    mouse.move(box["x"] + 0.2 * box["width"], y)
    mouse.down()
    mouse.move(box["x"] + 0.8 * box["width"], y, steps=8)
    if lift:
        mouse.up()


def painted(visit: Visit, down: float, wanted: list[int]) -> str:
    """What became of the drawing, once it has the colour ``wanted`` in the middle of that row."""
    deadline = time.monotonic() + 20
    while np.abs(np.subtract(colour(visit, made := picture(visit, "Out", "#drawn"), 0.5, down), wanted)).max() > 60:
        assert time.monotonic() < deadline, colour(visit, made, 0.5, down)
        visit.page.wait_for_timeout(50)
    return made


@pytest.mark.parametrize("visit", [(1280, 900), PHONE], indirect=True)
def test_an_example_is_translated_before_anybody_clicks_beside_what_it_should_be(
    translators: RunningHub, visit: Visit
) -> None:
    open_tab(visit, translators)
    names = visit.page.locator("#translated figcaption b").all_inner_texts()
    assert names == ["In", "Out", "What it should be", "Back again"]
    assert picture(visit, "Out") == picture(visit, "What it should be") != picture(visit, "In")
    assert visit.page.get_by_text("no difference from what went in").is_visible()
    for section in ("Draw", "Camera", "Batch", "Picture"):
        visit.page.get_by_role("tab", name=section).click()
        visit.page.wait_for_timeout(100)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith((translators.url, "data:", "blob:"))] == []


def test_the_other_direction_takes_the_targets_and_keeps_an_upload(
    translators: RunningHub, visit: Visit, tmp_path: Path
) -> None:
    open_tab(visit, translators)
    given, made = picture(visit, "In"), picture(visit, "Out")
    assert visit.page.get_by_text("sketch, as the model sees it, 32 x 32").is_visible()
    visit.page.get_by_label("Other colours to sketch").check()
    assert picture(visit, "In", than=given) == made and picture(visit, "Out") == given
    visit.page.get_by_label("Take example 2").click()
    picture(visit, "In", than=made)
    Image.new("RGB", (64, 64), (10, 20, 200)).save(tmp_path / "blue.png")
    (tmp_path / "notes.png").write_text("not a picture")
    upload = visit.page.locator("input[type=file]").first
    upload.set_input_files(tmp_path / "blue.png")
    visit.page.get_by_text("What it should be").wait_for(state="detached")
    before = picture(visit, "Out")
    assert colour(visit, before, 0.5, 0.5) == [200, 10, 20]
    visit.page.get_by_label("Sketch to Other colours").check()
    assert colour(visit, picture(visit, "Out", than=before), 0.5, 0.5) == [20, 200, 10]
    with visit.page.expect_download() as download:
        visit.page.click("#download-translated")
    assert np.asarray(Image.open(Path(download.value.path())))[5, 5].tolist() == [20, 200, 10]
    upload.set_input_files(tmp_path / "notes.png")
    visit.page.get_by_text("not a picture that can be read").wait_for()
    assert visit.complaints == []


@pytest.mark.parametrize("visit", [(1280, 900), PHONE], indirect=True)
def test_it_paints_while_one_draws_and_takes_it_back(translators: RunningHub, visit: Visit) -> None:
    open_tab(visit, translators, "Draw")
    visit.page.get_by_label("Begin with example 2").wait_for()
    assert visit.page.get_by_text("Draw something").is_visible()
    visit.page.locator(".pad input[type=range]").fill("10")
    paper = visit.page.locator(".pad canvas")
    before = paper.bounding_box()
    stroke(visit, 0.3, lift=False)
    painted(visit, 0.3, DARK)  # the pen is still down
    assert paper.bounding_box() == before, "the paper moved under the pen"
    visit.page.mouse.up()
    visit.page.locator(".pad input[type=color]").fill("#ff0000")
    stroke(visit, 0.7)
    painted(visit, 0.7, BLUE)  # what red becomes
    visit.page.get_by_role("button", name="Eraser").click()
    stroke(visit, 0.3)
    painted(visit, 0.3, WHITE)
    for _ in range(2):
        visit.page.get_by_role("button", name="Undo").click()
    painted(visit, 0.7, WHITE)
    made = painted(visit, 0.3, DARK)
    visit.page.get_by_label("Begin with example 2").click()
    picture(visit, "Out", "#drawn", made)
    visit.page.get_by_role("button", name="Clear").click()
    visit.page.get_by_text("Draw something").wait_for()
    assert visit.complaints == []


def test_many_files_come_back_as_a_zip_and_a_bad_one_is_named(
    translators: RunningHub, visit: Visit, tmp_path: Path
) -> None:
    Image.fromarray(outline(32)).save(tmp_path / "a.png")
    (tmp_path / "notes.png").write_text("not a picture")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "folder/b.png")
    open_tab(visit, translators, "Batch")
    visit.page.click("#translate-all")
    visit.page.get_by_text("There is nothing to translate yet").wait_for()
    visit.page.locator("#translate-files input[type=file]").set_input_files(
        [tmp_path / name for name in ("a.png", "notes.png", "more.zip")]
    )
    visit.page.get_by_text("more", exact=False).first.wait_for()
    visit.page.locator("#translate-files").get_by_text(".zip").wait_for()
    visit.page.click("#translate-all")
    visit.page.get_by_text("2 of 3 pictures translated.").wait_for()
    assert "notes.png" in visit.page.locator("#batch-said").inner_text()
    with visit.page.expect_download() as download:
        visit.page.click("#download-batch")
    assert zipfile.ZipFile(Path(download.value.path())).namelist() == ["a.png", "folder/b.png"]
    visit.page.locator("#translate-direction label").last.click()
    visit.page.locator("#download-batch").wait_for(state="hidden")
    assert visit.page.locator("#batch-said").inner_text().strip() == "", "of another direction nothing is known yet"
    assert visit.complaints == []


def test_a_model_without_examples_says_what_to_do(translators: RunningHub, visit: Visit) -> None:
    open_tab(visit, translators)
    visit.page.click("#translate-model input")
    visit.page.get_by_role("option").nth(1).click()
    visit.page.get_by_text("Upload a picture: this model brings no examples").wait_for()
    assert visit.page.get_by_label("As it is").is_checked() and not visit.page.get_by_label("B to A").is_visible()
    assert visit.page.get_by_label("Other colours to sketch").count() == 0
    assert visit.complaints == []


def test_the_camera_is_asked_for_when_one_clicks_on_it(translators: RunningHub, playwright: Playwright) -> None:
    flags = [*FLAGS, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
    visit = Visit(browser.new_page())
    visit.page.add_init_script(
        """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
        window.asked = 0
        navigator.mediaDevices.getUserMedia = (...what) => { window.asked++; return ask(...what) }"""
    )
    open_tab(visit, translators, "Camera")
    visit.page.get_by_text("Click to Access Webcam").wait_for()
    assert visit.page.evaluate("window.asked") == 0
    visit.page.get_by_text("Click to Access Webcam").click()
    visit.page.locator("#translate-camera video").wait_for()
    visit.page.wait_for_function("document.querySelector('#translate-camera video').videoWidth > 0")
    visit.page.get_by_label("capture photo").click()
    assert picture(visit, "Out", "#taken") != picture(visit, "In", "#taken")
    browser.close()

"""The Restore tab in a real browser: before and after, damage, an upload, a download."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from hub import depth
from hub.catalog import catalog_ids
from hub.contract import Damage
from hub.depth import Picture
from hub.weights import resolve
from tests.e2e.conftest import Visit
from tests.hub.dicoms import head, write_dicom
from tests.hub.films import waves, write_film
from tests.hub.tiny_translator import smooth, write_tiny_translator
from tests.serving import RunningHub, serving

PHONE = (390, 844)
WATCH = """() => {
  window.compared = []
  const count = () => {
    const figures = document.querySelectorAll('#restored-scores figure').length
    if (figures && figures != window.compared.at(-1)) window.compared.push(figures)
  }
  new MutationObserver(count).observe(document.querySelector('#restored-scores'), {childList: true, subtree: true})
}"""
"""How many pictures stand beside each other under the slider, one after the other."""


@pytest.fixture(scope="module")
def denoisers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with two denoisers, of clean and of noisy pictures to try them on, one that can be told how much there is,
    one model of CT and one of low light, which has a meter.
    """
    folder = tmp_path_factory.mktemp("bundles")
    write_tiny_translator(folder / "clean")
    write_tiny_translator(folder / "noisy", bundle_id="noisy", channels=3, targets=False)
    dose = Damage(kind="low-dose CT", lowest=2, highest=9)
    write_tiny_translator(folder / "ct", bundle_id="ct", title="Tiny of CT", damage=dose)
    about: dict[str, Any] = {"GENHUB_PROVIDER": "cpu", "GENHUB_TILE": "64"}
    light = Damage(kind="low light", lowest=1, highest=5)
    write_tiny_translator(
        folder / "dark", bundle_id="dark", title="Tiny of low light", damage=light, told=True, meter=True
    )
    write_tiny_translator(folder / "told", bundle_id="told", title="Tiny that listens", channels=3, told=True)
    models = ",".join(str(folder / name) for name in ("clean", "noisy", "ct", "dark", "told"))
    with serving("--models", models, **about) as running:
        yield running


def open_tab(visit: Visit, hub: RunningHub) -> None:
    visit.page.goto(hub.url)
    visit.page.get_by_role("tab", name="Restore").click()
    after(visit)


def choose(visit: Visit, title: str) -> None:
    visit.page.click("#restore-model input")
    visit.page.get_by_role("option", name=title).click()


def after(visit: Visit, than: str = "") -> str:
    """The restored picture's address, once it is there and another than ``than``."""
    visit.page.wait_for_function(
        """than => {
            const shown = [...document.querySelectorAll('#restored img')]
            return shown.length == 2 && shown.every(each => each.complete && each.naturalWidth) && shown[1].src != than
        }""",
        arg=than,
    )
    source: str = visit.page.locator("#restored img").nth(1).get_attribute("src") or ""
    return visit.page.evaluate("source => new URL(source, location).href", source)


def names(visit: Visit) -> list[str]:
    found: list[str] = visit.page.locator("#restored-scores figcaption b").all_inner_texts()
    return found


@pytest.mark.parametrize("visit", [(1280, 900), PHONE], indirect=True)
def test_before_and_after_are_there_with_numbers_before_anybody_clicks(denoisers: RunningHub, visit: Visit) -> None:
    open_tab(visit, denoisers)
    visit.page.locator("#restored-scores figure").nth(3).wait_for()
    assert names(visit) == ["Damaged", "Restored", "Non-local means", "Total variation"]
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]
    box = visit.page.locator("#restored").bounding_box()
    assert box is not None and box["y"] < 300
    facts = visit.page.locator("#restore-facts")
    assert not facts.get_by_text("Weights").is_visible(), "folded: it is longer than a small picture is high"
    facts.locator("summary").click()
    assert facts.get_by_text("Weights").is_visible()
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith((denoisers.url, "data:", "blob:"))] == []


def test_the_noise_the_seed_and_the_example_change_the_picture(denoisers: RunningHub, visit: Visit) -> None:
    open_tab(visit, denoisers)
    picture = after(visit)
    visit.page.locator("#restored-scores figure").nth(3).wait_for()
    visit.page.evaluate(WATCH)
    visit.page.get_by_label("Take example 2").click()
    picture = after(visit, picture)
    visit.page.wait_for_function("window.compared.at(-1) == 4")
    assert visit.page.evaluate("window.compared") == [2, 4], "the picture does not wait for the classical baselines"
    seed = visit.page.get_by_label("Seed of the damage")
    seed.fill("9")
    seed.press("Enter")
    picture = after(visit, picture)
    noise = visit.page.locator("#restore-damage input[type=range]")
    noise.focus()
    for _ in range(25):
        noise.press("ArrowLeft")
    visit.page.locator("#restored-scores figure").first.wait_for(state="detached")
    picture = after(visit, picture)
    visit.page.get_by_role("tab", name="Models").click()
    visit.page.locator("#models [data-model=ct]").wait_for()
    visit.page.get_by_role("tab", name="Restore").click()
    assert after(visit) == picture and seed.input_value() == "9", "opened again, the tab is as it was left"
    assert visit.complaints == []


def test_an_upload_is_restored_as_it_is_and_downloaded_at_its_depth(
    denoisers: RunningHub, visit: Visit, tmp_path: Path
) -> None:
    (tmp_path / "scan.png").write_bytes(Picture(smooth(150, 203, 3).astype(np.uint16) * 257).to_png())
    (tmp_path / "notes.png").write_text("not a picture")
    open_tab(visit, denoisers)
    picture = after(visit)
    upload = visit.page.locator("input[type=file]").first
    upload.set_input_files(tmp_path / "scan.png")
    visit.page.get_by_text("203 x 150, 16 bits").wait_for()
    visit.page.get_by_text("red, green and blue").wait_for()
    picture = after(visit, picture)
    assert names(visit) == []
    with visit.page.expect_download() as download:
        visit.page.click("#download-restored")
    restored = depth.read(Path(download.value.path()))
    assert restored.bits == 16 and restored.pixels.shape == (150, 203, 3)
    upload.set_input_files(tmp_path / "notes.png")
    visit.page.get_by_text("not a picture that can be read").wait_for()
    assert after(visit) == picture and visit.complaints == []


def test_a_brightened_picture_is_exposed_longer_afterwards(denoisers: RunningHub, visit: Visit) -> None:
    open_tab(visit, denoisers)
    picture = after(visit)
    exposure = visit.page.locator("#restore-exposure input[type=range]")
    assert exposure.is_hidden(), "noise has no exposure"
    choose(visit, "Tiny of low light")
    picture = after(visit, picture)
    exposure.focus()
    for _ in range(5):
        exposure.press("ArrowRight")
    visit.page.get_by_text("as the model reads it, exposed +0.5 stops afterwards").wait_for()
    picture = after(visit, picture)
    visit.page.locator("#restored-scores").get_by_text("White patch", exact=True).wait_for()
    assert names(visit)[:3] == ["Damaged", "Restored", "CLAHE"]
    visit.page.get_by_label("Take example 2").click()
    after(visit, picture)
    assert exposure.input_value() == "0", "of another picture it is another guess"
    assert visit.complaints == []


def test_a_model_is_told_how_much_noise_there_is_by_who_knows_better(
    denoisers: RunningHub, visit: Visit, tmp_path: Path
) -> None:
    Image.fromarray(smooth(64, 64, 3)).save(tmp_path / "clean.png")
    open_tab(visit, denoisers)
    picture = after(visit)
    tells = visit.page.get_by_label("Tell the model how much there is")
    level = visit.page.locator("#restore-level input[type=range]")
    assert tells.is_hidden() and level.is_hidden(), "this one finds out by itself"
    choose(visit, "Tiny that listens")
    picture = after(visit, picture)
    assert level.is_hidden()
    tells.check()
    level.wait_for()
    visit.page.get_by_text("noise 25 added, the model told 25").wait_for()
    picture = after(visit, picture)
    level.focus()
    for _ in range(5):
        level.press("ArrowLeft")
    visit.page.get_by_text("noise 25 added, the model told 20").wait_for()
    visit.page.locator("#restored-scores").get_by_text("this model, told 20").wait_for()
    picture = after(visit, picture)
    visit.page.locator("input[type=file]").first.set_input_files(tmp_path / "clean.png")
    visit.page.get_by_text("64 x 64, 8 bits, the model told").wait_for()
    picture = after(visit, picture)
    tells.uncheck()
    level.wait_for(state="hidden")
    visit.page.get_by_text("64 x 64, 8 bits", exact=True).wait_for()
    tells.check()
    visit.page.get_by_text("64 x 64, 8 bits, the model told").wait_for()
    assert float(level.input_value()) <= 2, "of a picture without noise the slider begins where its noise is"
    assert visit.complaints == []


def test_what_the_meter_reads_is_said_and_who_knows_better_begins_there(
    denoisers: RunningHub, visit: Visit, tmp_path: Path
) -> None:
    Image.fromarray(np.full((90, 70), 27, np.uint8)).save(tmp_path / "grey.png")
    open_tab(visit, denoisers)
    picture = after(visit)
    choose(visit, "Tiny of low light")
    picture = after(visit, picture)
    visit.page.get_by_text("stops too dark, as the model reads it").wait_for()
    visit.page.locator("input[type=file]").first.set_input_files(tmp_path / "grey.png")
    visit.page.get_by_text("70 x 90, 8 bits, 2.7 stops too dark, as the model reads it").wait_for()
    picture = after(visit, picture)
    visit.page.get_by_label("Tell the model how much there is").check()
    visit.page.get_by_text("70 x 90, 8 bits, the model told 2.7").wait_for()
    assert visit.page.get_by_label("Stops that the picture is short").last.is_visible()
    assert visit.page.get_by_text("Told of more, it brightens more").is_visible()
    level = visit.page.locator("#restore-level input[type=range]")
    assert float(level.input_value()) == pytest.approx(2.7)
    level.focus()
    level.press("ArrowRight")
    visit.page.get_by_text("70 x 90, 8 bits, the model told 2.8").wait_for()
    assert visit.complaints == []


def test_of_models_chosen_while_one_still_draws_the_last_is_drawn(denoisers: RunningHub, visit: Visit) -> None:
    open_tab(visit, denoisers)
    for title in ("Tiny of low light", "Tiny that listens", "Tiny of CT"):
        choose(visit, title)
    visit.page.get_by_text("dose halved 6 times: 50,000 photons a detector bin").wait_for()
    visit.page.get_by_text("inside the window of soft tissue").wait_for()
    assert visit.page.locator("#restore-model input").input_value() == "Tiny of CT" and visit.complaints == []


def test_slices_say_their_dose_and_dicom_is_taken_with_a_notice(
    denoisers: RunningHub, visit: Visit, tmp_path: Path
) -> None:
    write_dicom(tmp_path / "slice.dcm", head())
    open_tab(visit, denoisers)
    picture = after(visit)
    choose(visit, "Tiny of CT")
    picture = after(visit, picture)
    visit.page.get_by_text("dose halved 6 times: 50,000 photons a detector bin").wait_for()
    visit.page.get_by_text("inside the window of soft tissue (level 40, width 400)").wait_for()
    visit.page.get_by_text("The model has learned 2 to 9").wait_for()
    assert visit.page.get_by_text("This is no medical device").is_visible()
    visit.page.locator("input[type=file]").first.set_input_files(tmp_path / "slice.dcm")
    after(visit, picture)
    visit.page.get_by_text("64 x 64, 8 bits").wait_for()
    visit.page.get_by_text("Shown in the model's own window").wait_for()
    assert visit.page.get_by_text("This is no medical device").is_visible() and visit.complaints == []


def test_of_a_large_picture_one_sees_how_far_it_is(denoisers: RunningHub, visit: Visit, tmp_path: Path) -> None:
    Image.new("RGB", (4000, 3000), (90, 60, 30)).save(tmp_path / "large.png")
    open_tab(visit, denoisers)
    visit.page.locator("input[type=file]").first.set_input_files(tmp_path / "large.png")
    visit.page.locator("#restored .progress-bar").wait_for()
    visit.page.get_by_text("4000 x 3000, 8 bits").wait_for(timeout=120_000)
    assert visit.complaints == []


@pytest.mark.parametrize("visit", [(1280, 900), PHONE], indirect=True)
def test_a_video_is_restored_beside_itself_and_downloaded(denoisers: RunningHub, visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a video")
    open_tab(visit, denoisers)
    visit.page.get_by_role("tab", name="Video").click()
    upload = visit.page.locator(".film-buttons input[type=file]")
    upload.set_input_files(tmp_path / "notes.mp4")
    visit.page.locator("#restored-film").get_by_text("not a video that can be read").wait_for()
    upload.set_input_files(write_film(tmp_path / "holiday.mp4", waves(8), sound=True))
    visit.page.get_by_text("The sound was dropped.").wait_for()
    visit.page.wait_for_function(
        """() => {
            const shown = [...document.querySelectorAll('#restored-film video')]
            return shown.length == 2 && shown.every(each => each.videoWidth == 64 && each.currentTime > 0)
        }"""
    )
    assert visit.page.get_by_text("64 x 48, 8 frames, 10 a second").is_visible()
    assert not visit.page.locator("#restore-damage").is_visible() and visit.page.locator("#restore-model").is_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]
    with visit.page.expect_download() as download:
        visit.page.click("#download-film")
    assert download.value.suggested_filename == "holiday-restored.mp4"
    with av.open(download.value.path()) as film:
        assert len(list(film.decode(video=0))) == 8
    assert visit.complaints == []


def test_a_video_in_work_is_stopped(denoisers: RunningHub, visit: Visit, tmp_path: Path) -> None:
    open_tab(visit, denoisers)
    visit.page.get_by_role("tab", name="Video").click()
    upload = visit.page.locator(".film-buttons input[type=file]")
    upload.set_input_files(write_film(tmp_path / "long.mp4", waves(110, 240, 320)))
    visit.page.get_by_text("of about 110").wait_for()
    visit.page.click("#restore-film-stop")
    visit.page.locator("#restored-film").get_by_text("Stopped.").wait_for()
    visit.page.wait_for_timeout(1000)
    assert visit.page.locator("#restored-film").inner_text().strip() == "Stopped."
    assert not visit.page.locator("#restore-film-stop").is_visible()
    upload.set_input_files(write_film(tmp_path / "short.mp4", waves(3)))
    visit.page.get_by_text("64 x 48, 3 frames").wait_for()
    assert visit.complaints == []


def test_a_model_without_clean_examples_restores_its_noisy_ones(denoisers: RunningHub, visit: Visit) -> None:
    open_tab(visit, denoisers)
    picture = after(visit)
    visit.page.click("#restore-model input")
    visit.page.get_by_role("option").nth(1).click()
    after(visit, picture)
    visit.page.locator("#restored-scores figure").first.wait_for(state="detached")
    assert visit.page.get_by_text("32 x 32, 8 bits", exact=True).is_visible()
    assert visit.complaints == []


def test_the_tab_is_there_where_a_model_restores(hub: RunningHub, visit: Visit) -> None:
    visit.page.goto(hub.url)
    visit.page.get_by_role("tab", name="Models").wait_for()
    restores = any(resolve(name).bundle.restores for name in catalog_ids())
    assert visit.page.get_by_role("tab", name="Restore").count() == int(restores)

"""The Latent tab in a real browser: pick, walk, move, add."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from PIL import Image

from tests.e2e.conftest import Visit
from tests.hub.tiny_bundle import write_tiny_bundle
from tests.serving import RunningHub, serving

PHONE = (390, 844)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with a two-dimensional model that has attribute directions."""
    folder = tmp_path_factory.mktemp("bundles") / "plane"
    write_tiny_bundle(folder, bundle_id="plane", latent_dim=2, directions=["Long sleeves", "High ankle"], points=60)
    with serving("--models", str(folder), GENHUB_PROVIDER="cpu") as running:
        yield running


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with an autoencoder that has a judge, and two models to set beside it."""
    folder = tmp_path_factory.mktemp("bundles")
    write_tiny_bundle(folder / "ae", bundle_id="ae", latent_dim=2, prior=False, judge=True, examples=6)
    write_tiny_bundle(folder / "large", bundle_id="large", examples=6)
    write_tiny_bundle(folder / "vae", bundle_id="vae", latent_dim=2, examples=6)
    models = ",".join(str(folder / name) for name in ("large", "ae", "vae"))
    with serving("--models", models, GENHUB_PROVIDER="cpu") as running:
        yield running


def open_tab(visit: Visit, hub: RunningHub, section: str = "Walk") -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    visit.page.get_by_role("tab", name="Latent").click()
    tab, more = visit.page.get_by_role("tab", name=section), visit.page.locator(".overflow-menu > button:visible")
    tab.or_(more).first.wait_for()
    if not tab.is_visible():  # what does not fit into the row is behind three dots
        more.click()
        tab = visit.page.locator(".overflow-menu").get_by_text(section, exact=True)
    tab.click()


def source(visit: Visit, picture: str) -> str:
    image = visit.page.locator(f"{picture} img").first
    image.wait_for()
    return image.get_attribute("src") or ""


def wait_for_again(visit: Visit, picture: str, wanted: str) -> None:
    """A slider's last moves may still be on their way."""
    visit.page.wait_for_function(
        "([image, wanted]) => document.querySelector(image)?.src == wanted", arg=[f"{picture} img", wanted]
    )


def wait_for_another(visit: Visit, picture: str, than: str) -> str:
    visit.page.wait_for_function(
        "([image, than]) => { const now = document.querySelector(image); return now && now.src != than }",
        arg=[f"{picture} img", than],
    )
    return source(visit, picture)


def test_a_walk_is_there_before_anybody_clicks_and_nothing_leaves_the_machine(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub)
    source(visit, "#walk-film")
    assert visit.page.locator("#walk-film img").count() == 16
    assert source(visit, "#walk-moving").startswith("data:image/gif")
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith((hub.url, "data:", "blob:"))] == []


def test_seeds_examples_and_the_path_change_the_walk(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub)
    film = source(visit, "#walk-film")
    visit.page.get_by_label("Take example 6").first.click()
    film = wait_for_another(visit, "#walk-film", film)
    visit.page.get_by_text("From: example 6").wait_for()
    visit.page.locator(".point:visible input[type=number]").first.fill("7")
    film = wait_for_another(visit, "#walk-film", film)
    visit.page.get_by_text("From: seed 7").wait_for()
    moving = source(visit, "#walk-moving")
    visit.page.get_by_label("Straight line (lerp)").check()
    wait_for_another(visit, "#walk-moving", moving)
    assert source(visit, "#walk-film") == film, "both paths begin at the same place"
    assert visit.complaints == []


def test_an_upload_is_shown_as_the_model_sees_it_and_a_bad_one_is_refused(
    hub: RunningHub, visit: Visit, tmp_path: Path
) -> None:
    photo = Image.new("RGB", (400, 300), "white")
    photo.paste((20, 30, 90), (120, 60, 280, 240))
    photo.save(tmp_path / "photo.jpg")
    (tmp_path / "notes.png").write_text("not a picture")
    open_tab(visit, hub)
    film = source(visit, "#walk-film")
    upload = visit.page.locator(".point input[type=file]").first
    upload.set_input_files(tmp_path / "photo.jpg")
    wait_for_another(visit, "#walk-film", film)
    visit.page.get_by_text("From: as the model sees it").wait_for()
    seen = source(visit, ".preview")
    visit.page.get_by_label("Keep").first.check()
    kept = wait_for_another(visit, ".preview", seen)
    upload.set_input_files(tmp_path / "notes.png")
    visit.page.get_by_text("not a picture that can be read").wait_for()
    assert source(visit, ".preview") == kept
    assert visit.complaints == []


def test_the_film_and_the_strip_are_downloaded(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub)
    source(visit, "#walk-film")
    with visit.page.expect_download() as gif:
        visit.page.click("#download-gif")
    with Image.open(gif.value.path()) as film:
        assert film.format == "GIF" and film.n_frames == 30 and film.size == (256, 256)  # type: ignore[attr-defined]
    with visit.page.expect_download() as mp4:
        visit.page.click("#download-mp4")
    assert mp4.value.suggested_filename.endswith(".mp4")
    with av.open(mp4.value.path()) as video:
        frames = list(video.decode(video=0))
        assert len(frames) == 30 + 2 * 5 and (frames[0].width, frames[0].height) == (256, 256)
    with visit.page.expect_download() as png:
        visit.page.click("#download-strip")
    with Image.open(png.value.path()) as strip:
        assert strip.format == "PNG" and strip.width > 15 * strip.height


def test_a_slider_moves_the_picture_while_it_is_dragged_and_the_rows_once_it_rests(
    hub: RunningHub, visit: Visit
) -> None:
    open_tab(visit, hub, "Traverse")
    picture, other_row = source(visit, "#traverse-picture"), source(visit, ".dimension:nth-of-type(2)")
    assert visit.page.locator(".dimension .film").count() == 6
    start = picture
    slider = visit.page.locator(".dimension input[type=range]").first
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    visit.page.mouse.move(box["x"] + box["width"] / 2, middle)
    visit.page.mouse.down()
    for share in (0.4, 0.2):
        visit.page.mouse.move(box["x"] + box["width"] * share, middle)
        picture = wait_for_another(visit, "#traverse-picture", picture)
    visit.page.mouse.up()
    wait_for_another(visit, ".dimension:nth-of-type(2)", other_row)
    visit.page.click("#traverse-back")
    wait_for_again(visit, "#traverse-picture", start)
    assert visit.complaints == []


@pytest.mark.parametrize("visit", [(1280, 900), PHONE], indirect=True)
def test_an_attribute_is_given_and_taken_by_its_slider(plane: RunningHub, visit: Visit) -> None:
    open_tab(visit, plane, "Attributes")
    start = source(visit, "#attributes-picture")
    assert visit.page.locator(".dimension:visible").count() == 2
    slider = visit.page.locator(".dimension:visible input[type=range]").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2)
    moved = wait_for_another(visit, "#attributes-picture", start)
    visit.page.mouse.up()
    visit.page.locator(".dimension:visible .film").first.locator("img.here:last-child").wait_for()
    assert moved == visit.page.locator(".dimension:visible .film").first.locator("img").last.get_attribute("src")
    visit.page.click("#attributes-back")
    wait_for_again(visit, "#attributes-picture", start)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]
    assert visit.complaints == []


def test_attributes_come_and_go_with_the_models_that_have_them(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub)
    attributes = visit.page.get_by_role("tab", name="Attributes")
    attributes.wait_for()
    for title, state in (("GAN · Fashion-MNIST", "detached"), ("VAE · Fashion-MNIST", "visible")):
        drawn = source(visit, "#walk-film")
        visit.page.click("#latent-model input")
        visit.page.get_by_role("option", name=title, exact=True).click()
        attributes.wait_for(state=state)  # type: ignore[arg-type]
        wait_for_another(visit, "#walk-film", drawn)
    assert visit.complaints == []


def test_a_sum_is_drawn_again_when_a_term_changes(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub, "Arithmetic")
    total = source(visit, "#arithmetic-result")
    visit.page.get_by_label("Take example 2").last.click()
    wait_for_another(visit, "#arithmetic-result", total)
    visit.page.get_by_text("C: example 2").wait_for()
    assert visit.complaints == []


def test_a_conditional_model_without_encoder_has_classes_and_seeds_but_no_uploads(
    hub: RunningHub, visit: Visit
) -> None:
    open_tab(visit, hub)
    film = source(visit, "#walk-film")
    visit.page.click("#latent-model input")
    visit.page.get_by_role("option", name="CGAN").click()
    film = wait_for_another(visit, "#walk-film", film)
    assert not visit.page.get_by_role("button", name="Upload a picture").first.is_visible()
    assert visit.page.get_by_label("Take example 1").count() == 0
    visit.page.click("#latent-class input")
    visit.page.get_by_role("option", name="Ankle boot").click()
    wait_for_another(visit, "#walk-film", film)
    visit.page.get_by_role("tab", name="Traverse").click()
    source(visit, "#traverse-picture")
    assert visit.complaints == []


def test_only_a_plane_has_a_map_and_a_click_decodes_that_place(
    hub: RunningHub, plane: RunningHub, visit: Visit
) -> None:
    open_tab(visit, hub)
    assert visit.page.get_by_role("tab", name="Map").count() == 0
    source(visit, "#walk-film")
    open_tab(visit, plane, "Map")
    middle = source(visit, "#map-picture")
    visit.page.locator("#map img").click(position={"x": 30, "y": 40})
    wait_for_another(visit, "#map-picture", middle)
    assert visit.page.locator("#map svg path").count() == visit.page.locator("#map-legend li").count() == 3
    assert visit.page.locator("#map svg").is_visible()
    visit.page.locator("#map-legend input").uncheck()
    assert not visit.page.locator("#map svg").is_visible()
    assert visit.complaints == []


@pytest.mark.parametrize("visit", [(1280, 900), PHONE], indirect=True)
def test_holes_are_shown_in_both_models_step_by_step(
    hub: RunningHub, plane: RunningHub, pair: RunningHub, visit: Visit, tmp_path: Path
) -> None:
    open_tab(visit, plane)
    assert visit.page.get_by_role("tab", name="Holes").count() == 0, "nobody there to judge"
    source(visit, "#walk-film")
    open_tab(visit, pair, "Holes")
    walked = source(visit, "#holes-walks")
    assert visit.page.locator("#holes-walked section").count() == 2
    assert visit.page.locator("#holes-walked figure svg").count() == 2 * 12
    assert visit.page.locator("#holes-walked .worst").count() == 2
    first, said, drawn = visit.page.locator("#holes-walks .said").all_inner_texts()
    assert "a list of 2 numbers" in first and "at its worst at step" in said and "%" in said
    rows = visit.page.locator("#holes-noise h4").all_inner_texts()
    assert len(rows) == 3 and rows[1].endswith("without its prior") and rows[2].endswith("with its prior")
    assert visit.page.locator("#holes-noise figure svg").count() == 3 * 12
    assert "the same ones for both" in drawn and drawn.count("%") == 3 and "has no prior" in drawn
    noise = source(visit, "#holes-noise")
    visit.page.get_by_role("button", name="Another seed").last.click()
    noise = wait_for_another(visit, "#holes-noise", noise)
    visit.page.locator("#holes-seed input").fill("0")
    wait_for_another(visit, "#holes-noise", noise)
    assert source(visit, "#holes-walks") == walked, "the walks have no noise in them"
    assert not visit.page.locator("#latent-model").is_visible(), "the section has two models of its own"
    visit.page.locator(".point:visible").get_by_label("Take example 4").first.click()
    walked = wait_for_another(visit, "#holes-walks", walked)
    visit.page.click("#holes-beside input")
    assert visit.page.get_by_role("option").count() == 2
    visit.page.keyboard.press("Escape")
    (tmp_path / "notes.png").write_text("not a picture")
    visit.page.locator(".point:visible input[type=file]").first.set_input_files(tmp_path / "notes.png")
    visit.page.get_by_text("not a picture that can be read").wait_for()
    assert source(visit, "#holes-walks") == walked
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]
    assert visit.complaints == []


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
@pytest.mark.parametrize("section", ["Walk", "Traverse", "Arithmetic"])
def test_a_phone_sees_the_outcome_first_and_never_scrolls_sideways(hub: RunningHub, visit: Visit, section: str) -> None:
    open_tab(visit, hub, section)
    outcome = {"Walk": "#walk-moving", "Traverse": "#traverse-picture", "Arithmetic": "#arithmetic-result"}[section]
    source(visit, outcome)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    box, seed = (visit.page.locator(name).first.bounding_box() for name in (outcome, ".point:visible .seed"))
    assert box is not None and seed is not None and box["y"] < PHONE[1] * 0.6 and box["y"] < seed["y"]

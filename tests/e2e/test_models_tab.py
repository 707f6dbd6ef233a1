"""The Models tab in a real browser: compare, choose, take home, copy, measure."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gradio_client import Client

from hub.catalog import catalog_ids
from hub.weights import resolve
from tests.e2e.conftest import Visit
from tests.serving import RunningHub, benchmark_under_way, serving

DESK, PHONE = (1280, 900), (390, 844)
both_widths = pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """With a cache of its own: nothing was measured here yet."""
    with serving(GENHUB_CACHE=str(tmp_path_factory.mktemp("cache")), GENHUB_PROVIDER="cpu") as running:
        yield running


def open_tab(visit: Visit, hub: RunningHub, section: str = "Card") -> None:
    visit.page.goto(hub.url)
    visit.pictures()
    visit.page.get_by_role("tab", name="Models").click()
    visit.page.locator("#model-card img").first.wait_for()
    visit.page.get_by_role("tab", name=section, exact=True).click()


def choose(visit: Visit, title: str) -> None:
    visit.page.locator("#models").get_by_role("button", name=title, exact=True).click()
    visit.page.get_by_role("heading", name=title).wait_for()


@both_widths
def test_the_table_shows_every_model_whole_and_nothing_leaves_the_machine(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub)
    tabs = visit.page.get_by_role("tab").locator("visible=true").all_inner_texts()
    assert tabs[:5] == ["Sample", "Latent", "Translate", "Restore", "Models"]
    width = visit.page.viewport_size["width"]  # type: ignore[index]
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    for name in catalog_ids():
        row = visit.page.locator(f"#models [data-model={name}]")
        text, bundle = row.inner_text(), resolve(name).bundle
        for fact in (bundle.title, bundle.task, bundle.licence, f"{bundle.parameters / 1e6:.2f} M", *bundle.variants):
            assert fact in text, f"{fact} is not in the row of {name}"
        for cell in row.locator("td, td li span").all():
            box = cell.bounding_box()
            assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width, cell.inner_text()
    assert visit.page.evaluate("[...document.querySelectorAll('#models img')].every(image => image.naturalWidth > 0)")
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith((hub.url, "data:", "blob:"))] == []


@both_widths
def test_choosing_a_model_shows_its_card_where_one_looks(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub)
    choose(visit, "CGAN · Fashion-MNIST")
    visit.page.wait_for_function(
        "() => { const box = document.getElementById('chosen-model').getBoundingClientRect();"
        " return box.top >= -1 && box.top < innerHeight - 60 }"
    )
    card = visit.page.locator("#model-card")
    visit.page.wait_for_function("document.querySelectorAll('#model-card .shown img').length == 2")
    metrics = resolve("cgan-fashion").bundle.metrics
    for metric in metrics:
        for baseline in metric.baselines if metric.temperature is None else ():
            assert baseline in (card.text_content() or "")
    temperatures = sorted({metric.temperature for metric in metrics if metric.temperature is not None} | {1.0})
    table = card.get_by_role("table").filter(has_text="Temperature")
    assert table.get_by_role("columnheader").all_inner_texts() == [
        "Temperature",
        *(f"{each:g}" for each in temperatures),
    ]
    assert table.is_visible() and len(temperatures) > 1
    card.get_by_text("Part by part").click()
    assert card.get_by_role("row", name="Ankle boot").is_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]
    assert visit.complaints == []


def test_keys_alone_choose_a_model_and_keep_their_place(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub)
    buttons = visit.page.locator("#models button")
    unpressed = ["false"] * (buttons.count() - 1)
    assert [each.get_attribute("aria-pressed") for each in buttons.all()] == ["true", *unpressed]
    buttons.first.focus()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    second = resolve(catalog_ids()[1]).bundle.title
    visit.page.get_by_role("heading", name=second, exact=True).wait_for()
    assert visit.page.evaluate("document.activeElement.textContent") == second
    assert [each.get_attribute("aria-pressed") for each in buttons.all()] == ["false", "true", *unpressed[1:]]
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert visit.page.evaluate(outline) == "solid", "one sees where the focus is"


def test_every_picture_says_what_it_shows(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub)
    choose(visit, "CGAN · Fashion-MNIST")
    visit.page.wait_for_function("document.querySelectorAll('#model-card .shown img').length == 2")
    texts = visit.page.locator("#models img, #model-card img").evaluate_all("all => all.map(image => image.alt)")
    assert len(set(texts)) == len(texts) == len(catalog_ids()) + 2 and all(len(text) > 10 for text in texts)


@both_widths
def test_graphs_and_the_bundle_are_downloaded_under_their_names(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub, "Files")
    choose(visit, "GAN · Fashion-MNIST")
    bundle = resolve("gan-fashion").bundle
    for name, variant in bundle.variants.items():
        file = variant.files["decoder"]
        with visit.page.expect_download() as onnx:
            visit.page.get_by_role("link", name=file.path.removeprefix("onnx/"), exact=True).click()
        assert onnx.value.suggested_filename == f"gan-fashion-{file.path.removeprefix('onnx/')}"
        assert hashlib.sha256(Path(onnx.value.path()).read_bytes()).hexdigest() == file.sha256
        with visit.page.expect_download() as archive:
            visit.page.get_by_role("link", name=f"gan-fashion-{name}.zip").click()
        assert archive.value.suggested_filename == f"gan-fashion-{name}.zip"
    with visit.page.expect_download() as whole:
        visit.page.get_by_role("link", name="Whole bundle").click()
    assert whole.value.suggested_filename == "gan-fashion.zip"
    with zipfile.ZipFile(io.BytesIO(Path(whole.value.path()).read_bytes())) as archived:
        assert len(archived.namelist()) == 1 + len(bundle.all_files())
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]


@both_widths
def test_code_follows_the_model_the_variant_and_the_language(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub, "Code")
    choose(visit, "CGAN · Fashion-MNIST")
    code, files = visit.page.locator("#code .cm-content"), visit.page.locator("#code-files .cm-content")

    def shows(where: str, text: str) -> None:
        visit.page.wait_for_function(
            "([where, text]) => document.querySelector(where)?.textContent.includes(text)", arg=[where, text]
        )

    shows("#code .cm-content", "% 10  # every class in turn")
    assert f"{hub.url}/download/cgan-fashion.zip?variant=fp32" in files.inner_text()
    visit.page.click("#code-variant input")
    visit.page.get_by_role("option", name="fp16").click()
    shows("#code .cm-content", "onnx/decoder_fp16.onnx")
    visit.page.get_by_label("JavaScript").check()
    shows("#code .cm-content", "ort.wasm.min.mjs")
    visit.page.get_by_label("C#").check()
    shows("#code .cm-content", "new InferenceSession")
    visit.page.get_by_label("curl").check()
    shows("#code .cm-content", f"{hub.url}/gradio_api/run/sample")
    visit.page.locator("#code-files").wait_for(state="hidden")
    assert code.is_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.page.viewport_size["width"]  # type: ignore[index]
    assert visit.complaints == []


def test_a_benchmark_shows_its_progress_and_then_fills_the_table(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub, "Benchmark")
    row = visit.page.locator("#models [data-model=vae-fashion] .variants")
    assert " ms" not in row.inner_text()
    visit.page.click("#benchmark")
    visit.page.get_by_role("progressbar").wait_for()
    table = visit.page.locator("#benchmark-outcome table")
    table.wait_for(timeout=60_000)
    variants = [line.split()[0] for line in table.locator("tbody tr").all_inner_texts()]
    assert list(dict.fromkeys(variants)) == ["fp32", "fp16", "int8"], "each on every provider of this machine"
    visit.page.wait_for_function("document.querySelector('[data-model=vae-fashion] .variants em')")
    assert row.inner_text().count(" ms") == 3
    assert visit.complaints == []


def test_a_benchmark_is_refused_while_another_visitor_s_is_under_way(hub: RunningHub, visit: Visit) -> None:
    open_tab(visit, hub, "Benchmark")
    other, third = Client(hub.url, verbose=False), Client(hub.url, verbose=False)
    with ThreadPoolExecutor() as pool:
        benchmark_under_way(pool, other, third)
        visit.page.click("#benchmark")
        visit.page.get_by_role("alert").get_by_text("'vae-fashion' is under way").wait_for()
        assert visit.page.locator("#benchmark").is_enabled()
        other.predict(api_name="/stop_benchmark")


def test_a_benchmark_is_stopped_by_its_visitor(visit: Visit, tmp_path: Path) -> None:
    cache = str(tmp_path)  # a new one and one thread, so that it lasts
    with serving("--models", "vae-fashion", GENHUB_CACHE=cache, GENHUB_PROVIDER="cpu", GENHUB_THREADS="1") as slow:
        open_tab(visit, slow, "Benchmark")
        visit.page.click("#benchmark")
        visit.page.click("#benchmark-stop")
        visit.page.get_by_role("alert").get_by_text("was stopped").wait_for()
        visit.page.locator("#benchmark-stop").wait_for(state="hidden")
        assert visit.page.locator("#benchmark").is_enabled()
        assert "–" in visit.page.locator("#models [data-model=vae-fashion] .variants").inner_text()
        assert visit.complaints == []

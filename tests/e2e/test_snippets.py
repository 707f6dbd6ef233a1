"""What the Code section shows, run as pasted: the page in a real browser, the shell against a running hub."""

import base64
import io
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from gradio_client import Client
from PIL import Image

from hub import open_model
from hub.catalog import catalog_ids
from hub.contract import TASKS, Bundle, VariantName, read_bundle
from hub.snippets import snippets
from hub.snippets.browser import ONNXRUNTIME_WEB
from hub.weights import resolve
from tests.e2e.conftest import Visit
from tests.hub.tiny_translator import smooth, write_tiny_translator
from tests.npm import place
from tests.serving import RunningHub, free_port, serving, wait_for

SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
LOADED = ("dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.mjs", "dist/ort-wasm-simd-threaded.wasm")
SAMPLING, TRANSLATING = (
    [name for name in catalog_ids() if resolve(name).bundle.task == task] for task in ("sample", "translate")
)
"""Other tasks go by their stand-ins."""
EMBEDDED: list[tuple[str, VariantName]] = [
    (name, variant) for name in SAMPLING for variant, made in resolve(name).bundle.variants.items() if made.web
]
TRANSLATED: list[tuple[str, VariantName]] = [
    (name, variant) for name in TRANSLATING for variant, made in resolve(name).bundle.variants.items() if made.web
]

# The page draws its noise from Math.random: give it a stream that Python can follow.
FIXED_RANDOM = """
let state = 1
Math.random = () => (state = state * 16807 % 2147483647) / 2147483647
"""
PICTURES = "[...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())"


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``npm install onnxruntime-web`` makes, as far as the page loads it."""
    folder = tmp_path_factory.mktemp("npm")
    place("onnxruntime-web", ONNXRUNTIME_WEB, SHA256, folder, LOADED)
    return folder / "node_modules"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """``python3 -m http.server``, as the page's comment says."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, server, 20)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def paste(bundle: Bundle, folder: Path, variant: VariantName, modules: Path, work: Path) -> Path:
    """The bundle's folder with the page in it."""
    here = work / bundle.id
    shutil.copytree(folder, here)
    (here / "index.html").write_text(snippets(bundle, variant, "http://127.0.0.1:7860")["javascript"], encoding="utf-8")
    (here / "node_modules").symlink_to(modules)
    return here


def open_page(visit: Visit, url: str, shows: str) -> list[np.ndarray]:
    """The pictures on the page, RGBA, once ``shows`` is there; it must not have asked anybody else for anything."""
    visit.page.add_init_script(FIXED_RANDOM)
    visit.page.goto(url)
    visit.page.wait_for_function(shows, timeout=60_000)
    found = visit.page.evaluate(PICTURES)
    assert [said for said in visit.complaints if "favicon" not in said and "404" not in said] == []
    assert all(asked.startswith((url, "blob:")) for asked in visit.requests)
    files = [base64.b64decode(each.partition(",")[2]) for each in found]
    return [np.asarray(Image.open(io.BytesIO(each)).convert("RGBA")) for each in files]


def same_noise(count: int, length: int) -> np.ndarray:
    """What the page draws from ``FIXED_RANDOM``, float32 [count, length]."""
    state, values = 1, []
    for _ in range(count * length):
        pair = []
        for _ in range(2):
            state = state * 16807 % 2147483647
            pair.append(state / 2147483647)
        values.append(math.sqrt(-2 * math.log(1 - pair[0])) * math.cos(2 * math.pi * pair[1]))
    return np.array(values, np.float32).reshape(count, length)


@pytest.mark.parametrize(("name", "variant"), EMBEDDED)
def test_the_page_of_every_bundle_makes_the_pictures_that_onnxruntime_makes_here(
    name: str, variant: VariantName, modules: Path, visit: Visit, tmp_path: Path
) -> None:
    bundle, folder = resolve(name).bundle, resolve(name).folder
    with served(paste(bundle, folder, variant, modules, tmp_path)) as url:
        pictures = open_page(visit, url, "document.querySelectorAll('canvas').length == 16")
    z = same_noise(16, bundle.latent_dim or 0)
    paths = {graph: folder / file.path for graph, file in bundle.variants[variant].files.items()}
    if "prior" in paths:
        z = ort.InferenceSession(paths["prior"]).run(None, {"noise": z})[0]
    feeds = {"z": z} | ({"label": np.arange(16) % len(bundle.labels)} if bundle.conditional else {})
    expected = ort.InferenceSession(paths["decoder"]).run(None, feeds)[0]
    shown = np.stack(pictures)
    assert (shown[..., 3] == 255).all()
    off = np.abs(shown[..., :3] - expected.astype(int))  # a grey picture is the same in all three channels
    if variant == "fp32":
        assert off.max() <= 2
    else:  # other kernels round elsewhere: the same pictures all the same
        assert 10 * math.log10(255**2 / max((off.astype(float) ** 2).mean(), 1e-9)) > 30


@pytest.mark.parametrize(("name", "variant"), TRANSLATED)
def test_the_page_of_every_bundle_that_takes_a_picture_makes_of_it_what_onnxruntime_makes_here(
    name: str, variant: VariantName, modules: Path, visit: Visit, tmp_path: Path
) -> None:
    bundle, folder = resolve(name).bundle, resolve(name).folder
    with served(paste(bundle, folder, variant, modules, tmp_path)) as url:
        (shown,) = open_page(visit, url, "document.querySelectorAll('canvas').length == 1")
    mode, size = {1: "L", 3: "RGB"}[bundle.image.channels], (bundle.image.width, bundle.image.height)
    example = Image.open(folder / "examples/01.png").convert(mode)
    assert example.size == size, "nothing is resized, which browsers do in a way of their own"
    feeds = {"image": np.asarray(example).reshape(1, *size[::-1], -1)}
    if bundle.told:
        feeds["level"] = np.full((*feeds["image"].shape[:3], 1), -1, np.float32)
    graph = folder / bundle.variants[variant].files["translator"].path
    expected = ort.InferenceSession(graph).run(None, feeds)[0][0]
    off = np.abs(shown[..., :3] - expected.astype(int))
    assert off.max() <= 2 if variant == "fp32" else off.mean() < 3


@pytest.mark.parametrize("task", [task for task in TASKS if task != "sample"])
def test_the_page_of_every_other_task_runs_on_its_own_examples(
    task: str, stand_in: Callable[[str], Path], modules: Path, visit: Visit, tmp_path: Path
) -> None:
    folder = stand_in(task)
    bundle = read_bundle(folder)
    shows = {
        "anomaly": "document.body.innerText.includes('above 0.125') && document.querySelector('canvas')",
        "clip": "document.body.innerText.includes('text_embeds')",
    }.get(task, "document.querySelectorAll('canvas').length == 1")
    with served(paste(bundle, folder, "fp32", modules, tmp_path)) as url:
        pictures = open_page(visit, url, shows)
        text = visit.page.locator("body").inner_text()
    first, second = (np.asarray(Image.open(folder / "examples" / f"0{number}.png"))[None] for number in (1, 2))

    def graph(name: str, **feeds: np.ndarray) -> list[np.ndarray]:
        outputs: list[np.ndarray] = ort.InferenceSession(folder / "onnx" / f"{name}.onnx").run(None, feeds)
        return outputs

    def shown_is(expected: np.ndarray) -> bool:
        return bool(np.abs(pictures[0][..., :3] - expected.astype(int)).max() <= 1)

    match task:
        case "translate":
            assert shown_is(graph("translator", image=first)[0][0])
        case "inpaint":
            mask = np.zeros((1, 16, 16, 1), np.uint8)
            mask[:, 4:12, 4:12] = 255
            assert shown_is(graph("inpainter", image=first, mask=mask)[0][0])
        case "anomaly":
            score, heatmap = graph("detector", image=first[..., None])
            assert float(text.split("score ")[1].split(",")[0]) == pytest.approx(score[0], abs=1e-3)
            assert shown_is((heatmap[0] * 255)[..., None].repeat(3, axis=2))
        case "stylize":
            assert shown_is(graph("stylizer", content=first, style=second, strength=np.ones(1, np.float32))[0][0])
        case "swap":
            assert shown_is(graph("swapper", source=first, target=second)[0][0])
        case "clip":
            tokens = np.arange(1, 5)[None]
            embeds = graph("text_model", input_ids=tokens, attention_mask=np.ones_like(tokens))[0][0]
            said = [float(number) for number in text.split("text_embeds ")[1].split()]
            assert said == pytest.approx(embeds.tolist(), abs=1e-4)


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    return subprocess.run(["bash", "-euc", script], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", SAMPLING)
def test_the_files_are_fetched_and_python_runs_right_there(name: str, hub: RunningHub, tmp_path: Path) -> None:
    written = snippets(resolve(name).bundle, "fp16", hub.url)
    (tmp_path / "pasted.py").write_text(written["python"])
    done = shell(f"{written['files']}\n{sys.executable} -I ../pasted.py && ls", tmp_path)
    assert done.returncode == 0, done.stderr
    image = resolve(name).bundle.image
    assert f"(16, {image.height}, {image.width}, {image.channels}) uint8" in done.stdout
    assert "image-15.png" in done.stdout
    assert read_bundle(tmp_path / name) == resolve(name).bundle


@pytest.mark.parametrize("name", SAMPLING)
def test_curl_gets_the_very_grid_that_the_hub_makes(name: str, hub: RunningHub, tmp_path: Path) -> None:
    done = shell(snippets(resolve(name).bundle, "fp32", hub.url)["curl"], tmp_path)
    assert done.returncode == 0, done.stderr
    _, sheet, _ = Client(hub.url, verbose=False).predict(name, 16, 0, 1.0, api_name="/sample")
    assert (tmp_path / f"{name}.png").read_bytes() == Path(sheet).read_bytes()


@dataclass(frozen=True)
class Small:
    """A hub of small bundles, and their folders by id."""

    url: str
    folders: dict[str, Path]


@pytest.fixture(scope="module")
def small(stand_in: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """``restores-2.v2`` and the like, which translate or restore and have so many examples, and ``tiny-inpaint``."""
    folders = {"tiny-inpaint": stand_in("inpaint")}
    for does, examples in product(("restores", "translates"), (0, 2)):
        name = f"{does}-{examples}.v2"
        folders[name] = tmp_path_factory.mktemp("small") / name
        write_tiny_translator(folders[name], bundle_id=name, restores=does == "restores", examples=examples)
    cache = str(tmp_path_factory.mktemp("cache"))
    with serving("--models", ",".join(map(str, folders.values())), GENHUB_CACHE=cache, GENHUB_PROVIDER="cpu") as hub:
        yield Small(hub.url, folders)


def test_of_a_task_without_an_endpoint_curl_gets_the_files(small: Small, tmp_path: Path) -> None:
    bundle = read_bundle(small.folders["tiny-inpaint"])
    done = shell(snippets(bundle, "fp32", small.url)["curl"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_bundle(tmp_path / "tiny-inpaint") == bundle


@pytest.mark.parametrize("does", ["restores", "translates"])
@pytest.mark.parametrize("examples", [2, 0], ids=["an example", "a picture of one's own"])
def test_curl_has_a_picture_restored_or_translated(does: str, examples: int, small: Small, tmp_path: Path) -> None:
    name = f"{does}-{examples}.v2"
    if not examples:
        Image.fromarray(smooth(32, 32, 1)[..., 0]).save(tmp_path / "picture.png")
    done = shell(snippets(read_bundle(small.folders[name]), "fp32", small.url)["curl"], tmp_path)
    assert done.returncode == 0, done.stderr
    given = np.asarray(Image.open(tmp_path / "picture.png"))[..., None]
    made = np.asarray(Image.open(tmp_path / f"{name}.png"))[..., None]
    assert np.array_equal(made, open_model(small.folders[name]).translate(given))


@pytest.mark.parametrize("name", TRANSLATING)
def test_curl_works_for_every_bundle_that_takes_a_picture(name: str, hub: RunningHub, tmp_path: Path) -> None:
    done = shell(snippets(resolve(name).bundle, "fp32", hub.url)["curl"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / f"{name}.png").size == Image.open(tmp_path / "picture.png").size

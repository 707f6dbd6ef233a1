"""A hub as a process, spoken to by real clients: HTTP, and Gradio's own."""

import gzip
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from hub import open_model
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle
from tests.serving import RunningHub, call_raw, free_port, serving, started, status, wait_for


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return _bundle(folder / "plain"), _bundle(folder / "conditional", bundle_id="tiny-conditional", conditional=True)


def _bundle(folder: Path, **kind: Any) -> Path:
    write_tiny_bundle(folder, **kind)
    return folder


@pytest.fixture(scope="module")
def hub(bundles: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    cache = str(tmp_path_factory.mktemp("cache"))
    names = ",".join(map(str, bundles))
    with serving("--models", names, GENHUB_CACHE=cache, GENHUB_PROVIDER="cpu") as running:
        yield running


@pytest.fixture(scope="module")
def client(hub: RunningHub) -> Client:
    return Client(hub.url, verbose=False)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def _addresses(said: str) -> list[str]:
    """Where the files are that an endpoint has given."""
    found = re.findall(r'"url": "(http[^"]+)"', said)
    assert found, said
    return found


def _pixels(result: tuple[list[dict[str, str]], str, str]) -> list[np.ndarray]:
    return [np.asarray(Image.open(each["image"])) for each in result[0]]


def test_health_says_alive_and_readiness_names_the_models(hub: RunningHub) -> None:
    health = json.loads(_get(f"{hub.url}/healthz"))
    assert (health["status"], health["ready"]) == ("ok", True)
    assert json.loads(_get(f"{hub.url}/readyz")) == {"status": "ready", "models": ["tiny", "tiny-conditional"]}


def test_readiness_is_503_until_the_pages_are_up(bundles: tuple[Path, Path]) -> None:
    with started("--models", str(bundles[0])) as hub:
        wait_for(f"{hub.url}/healthz", hub.process)
        assert status(f"{hub.url}/readyz") == 503
        assert json.loads(_get(f"{hub.url}/healthz"))["ready"] is False, "for pages that wait, which want no 503"
        assert status(f"{hub.url}/gradio_api/info") == 503
        wait_for(f"{hub.url}/readyz", hub.process)
        assert status(f"{hub.url}/gradio_api/info") == 200


def test_the_page_comes_compressed_and_its_files_for_good(hub: RunningHub) -> None:
    page = _get(hub.url)
    found = re.search(r"assets/index-[^\"]+\.js", page)
    assert found
    for path in (found[0], found[0], ""):
        asked = urllib.request.Request(f"{hub.url}/{path}", headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            body = answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) == len(body)
        assert ("immutable" in (answer.headers["Cache-Control"] or "")) == bool(path)
        told = _get(f"{hub.url}/{path}")
        assert len(body) < len(told) / 2 and (not path or gzip.decompress(body).decode() == told)


def test_the_public_endpoints_are_the_documented_ones(client: Client) -> None:
    public = set(client.view_api(return_format="dict", print_info=False)["named_endpoints"])
    latent = {"/encode", "/decode", "/holes", "/interpolate", "/traverse", "/arithmetic"}
    assert public == {"/sample", *latent, "/models", "/snippets", "/benchmark", "/stop_benchmark", "/add_model"}


def test_sample_gives_png_and_zip(client: Client) -> None:
    pictures, sheet, archive = client.predict("tiny", 4, 0, 1.0, api_name="/sample")
    assert len(pictures) == 4
    assert Path(sheet).suffix == ".png" and Path(archive).suffix == ".zip"


def test_the_api_gives_the_pixels_that_python_gives(client: Client, bundles: tuple[Path, Path]) -> None:
    served = _pixels(client.predict("tiny", 3, 11, 1.0, api_name="/sample"))
    made = open_model(bundles[0]).sample(count=3, seed=11)
    for large, small in zip(served, made, strict=True):
        assert np.array_equal(large[::4, ::4, 0], small[..., 0])


def test_a_class_is_asked_for_by_name_and_all_classes_come_a_row_each(
    client: Client, bundles: tuple[Path, Path]
) -> None:
    asked = client.predict("tiny-conditional", 3, 5, 1.0, "star", api_name="/sample")
    made = open_model(bundles[1]).sample(count=3, seed=5, label="star")
    for large, small in zip(_pixels(asked), made, strict=True):
        assert np.array_equal(large[::4, ::4, 0], small[..., 0])
    pictures, sheet, _ = client.predict("tiny-conditional", 6, 5, 1.0, api_name="/sample")
    assert [each["caption"] for each in pictures] == ["circle", "circle", "square", "square", "star", "star"]
    with Image.open(sheet) as grid:
        assert grid.width < grid.height, "two columns, three rows"


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (("tiny", 4, 0, 1.0, "star"), "label"),
        (("tiny-conditional", 4, 0, 1.0, "boot"), "label"),
        (("tiny-conditional", 4, 0, 1.0, ["star"]), "label"),
        (("tiny", 0, 0, 1.0), "count"),
        (("tiny", -3, 0, 1.0), "count"),
        (("tiny", 100_000, 0, 1.0), "count"),
        (("tiny", "many", 0, 1.0), "count"),
        (("tiny", 4, "lucky", 1.0), "seed"),
        (("tiny", 4, -1, 1.0), "seed"),
        (("tiny", 4, None, 1.0), "seed"),
        (("tiny", 4, 0, "hot"), "temperature"),
        (("tiny", 4, 0, 99), "temperature"),
        (("nobody", 4, 0, 1.0), "model"),
        (("x" * 10_000, 4, 0, 1.0), "model"),
        ((["tiny"], 4, 0, 1.0), "model"),
        ((None, 4, 0, 1.0), "model"),
    ],
)
def test_bad_requests_get_one_sentence_and_the_server_goes_on(
    client: Client, asked: tuple[object, ...], complaint: str
) -> None:
    with pytest.raises(AppError) as refused:
        client.predict(*asked, api_name="/sample")
    assert complaint in sentence(refused.value)
    assert len(client.predict("tiny", 1, 0, 1.0, api_name="/sample")[0]) == 1


def test_who_fetches_a_picture_while_another_makes_the_same_gets_all_of_it(hub: RunningHub) -> None:
    asked = ("tiny", 64, 5, 1.0, "")
    with ThreadPoolExecutor() as pool:
        others = [pool.submit(lambda: [call_raw(hub.url, "sample", *asked) for _ in range(20)]) for _ in range(3)]
        while not all(other.done() for other in others):
            for address in _addresses(call_raw(hub.url, "sample", *asked)):
                with urllib.request.urlopen(address, timeout=30) as answer:
                    assert len(answer.read()) == int(answer.headers["Content-Length"])


def test_a_hub_that_ends_leaves_no_picture_behind_and_takes_none_of_another(
    hub: RunningHub, bundles: tuple[Path, Path]
) -> None:
    asked = ("tiny", 4, 6, 1.0, "")
    ours = _addresses(call_raw(hub.url, "sample", *asked))
    with serving("--models", str(bundles[0]), GENHUB_PROVIDER="cpu") as other:
        theirs = _addresses(call_raw(other.url, "sample", *asked))
        folder = Path(theirs[0].partition("/file=")[2]).parents[1]
        assert len(list(folder.rglob("*.png"))) == len(theirs) - 1, "and a ZIP"
        other.process.send_signal(signal.SIGTERM)
        other.process.wait(timeout=20)
    assert not folder.exists()
    assert [status(address) for address in ours] == [200] * len(ours)


def test_a_file_of_the_server_is_never_read(hub: RunningHub, bundles: tuple[Path, Path]) -> None:
    """Named as Gradio names its uploads, without having been one: refused before it is copied anywhere."""
    stolen = {"path": str(bundles[0] / "bundle.json"), "meta": {"_type": "gradio.FileData"}}
    said = call_raw(hub.url, "sample", stolen, 1, 0, 1.0, "")
    assert said.startswith("event: error") and "not uploaded" in said and "Traceback" not in said


def test_a_damaged_bundle_is_refused_in_words_while_the_others_serve(
    tmp_path: Path, bundles: tuple[Path, Path]
) -> None:
    bad = _bundle(tmp_path / "bad", bundle_id="bad")
    graph = bad / "onnx" / "decoder.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    with serving("--models", f"{bad},{bundles[0]}", GENHUB_CACHE=str(tmp_path), GENHUB_PROVIDER="cpu") as hub:
        assert "Generative Hub" in _get(hub.url)
        client = Client(hub.url, verbose=False)
        with pytest.raises(AppError) as refused:
            client.predict("bad", 1, 0, 1.0, api_name="/sample")
        assert "sha256" in sentence(refused.value)
        assert len(client.predict("tiny", 1, 0, 1.0, api_name="/sample")[0]) == 1


def test_the_card_is_a_page_and_nothing_unlisted_is_served(hub: RunningHub) -> None:
    assert "<h1>" in _get(f"{hub.url}/card/tiny")
    for path in (
        "card/nobody",
        "card/tiny/bundle.json",
        "card/tiny/..%2F..%2Fetc%2Fpasswd",
        "card/tiny/onnx/decoder.onnx",
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            _get(f"{hub.url}/{path}")
        assert refused.value.code == 404


def test_a_taken_port_is_said_in_one_sentence(bundles: tuple[Path, Path]) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = str(taken.getsockname()[1])
        tried = _serve("--port", port, "--models", str(bundles[0]))
    assert tried.returncode == 2 and "--port" in tried.stderr and "Traceback" not in tried.stderr


@pytest.mark.parametrize("name", ["nobody", "."])
def test_an_unknown_model_ends_the_start_with_one_sentence(name: str) -> None:
    tried = _serve("--models", name)
    assert tried.returncode == 2 and "Traceback" not in tried.stderr and len(tried.stderr.strip().splitlines()) == 1


def test_two_bundles_of_one_id_are_told_apart_or_refused(tmp_path: Path, bundles: tuple[Path, Path]) -> None:
    twin = shutil.copytree(bundles[0], tmp_path / "twin")
    tried = _serve("--models", f"{bundles[0]},{twin}")
    assert tried.returncode == 2 and "--id" in tried.stderr


def test_serving_needs_no_torch(bundles: tuple[Path, Path]) -> None:
    """The whole of the app is built in a process where importing torch raises."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from hub.runtime.engine import Engine\nfrom hub import app\nfrom fastapi import FastAPI\n"
        f"app.mount(FastAPI(), Engine([{str(bundles[0])!r}]))\nprint('built')"
    )
    built = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert built.stdout.strip() == "built", built.stderr


def _serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hub.cli", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)

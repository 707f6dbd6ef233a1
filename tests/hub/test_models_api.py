"""The Models tab for programs: its endpoints through Gradio's own client, its files over plain HTTP."""

import hashlib
import io
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from hub.contract import read_bundle
from hub.runtime.session import available_providers
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle
from tests.serving import RunningHub, benchmark_under_way, serving, status


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two bundles: ``tiny`` has examples and a file nobody listed, the decoder of ``bad`` was tampered with."""
    folder = tmp_path_factory.mktemp("bundles")
    write_tiny_bundle(folder / "tiny", examples=2)
    (folder / "tiny" / "secret.txt").write_text("nobody listed this")
    write_tiny_bundle(folder / "bad", bundle_id="bad")
    graph = folder / "bad" / "onnx" / "decoder.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    return folder


@pytest.fixture(scope="module")
def hub(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    names = f"{folder / 'tiny'},{folder / 'bad'},vae-fashion"
    cache = str(tmp_path_factory.mktemp("cache"))
    with serving("--models", names, GENHUB_CACHE=cache) as running:
        yield running


@pytest.fixture(scope="module")
def client(hub: RunningHub) -> Client:
    return Client(hub.url, verbose=False)


def fetch(url: str, **headers: str) -> tuple[bytes, Message]:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.read(), answer.headers


def test_a_link_to_the_hub_is_previewed_with_its_name_and_a_picture_that_is_there(hub: RunningHub) -> None:
    page = fetch(hub.url)[0].decode()
    tags = re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)"', page)
    found = dict(tags)
    assert len(found) == len(tags) and found["og:title"] == "Generative Hub"
    assert "Click to try out the app" not in page
    assert found["og:image"] == f"{hub.url}/card/vae-fashion/preview.png"  # tiny, the first, has none
    assert fetch(found["og:image"])[1].get_content_type() == "image/png"


def test_the_table_has_what_the_manifests_say(client: Client, folder: Path) -> None:
    rows = client.predict(api_name="/models")
    assert [row["id"] for row in rows] == ["tiny", "bad", "vae-fashion"]
    tiny, vae = rows[0], rows[2]
    bundle = read_bundle(folder / "tiny")
    assert (tiny["task"], tiny["parameters"], tiny["licence"]) == ("sample", bundle.parameters, "CC0-1.0")
    assert (tiny["source"], vae["source"]) == ("folder", "embedded")
    assert tiny["picture"] is None and vae["picture"] == "card/vae-fashion/preview.png"
    assert [variant["name"] for variant in vae["variants"]] == ["fp32", "fp16", "int8"]
    assert vae["metric"]["name"] == "Fréchet distance of samples"
    assert vae["metric"]["baselines"]["pythae VAE + mixture"] == pytest.approx(1.974)
    assert tiny["variants"][0]["bytes"] == sum(file.bytes for file in bundle.variants["fp32"].files.values())


def test_every_address_in_the_table_answers(client: Client, hub: RunningHub) -> None:
    vae = client.predict(api_name="/models")[2]
    for address in (vae["picture"], vae["card"], vae["download"], *(each["download"] for each in vae["variants"])):
        assert status(f"{hub.url}/{address}") == 200, address


def test_every_listed_file_comes_whole_under_a_name_that_says_whose_it_is(hub: RunningHub, folder: Path) -> None:
    for file in read_bundle(folder / "tiny").all_files():
        content, headers = fetch(f"{hub.url}/download/tiny/{file.path}")
        assert hashlib.sha256(content).hexdigest() == file.sha256
        name = f"tiny-{file.path.removeprefix('onnx/').replace('/', '-')}"
        assert headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_a_download_that_broke_off_goes_on_where_it_was(hub: RunningHub) -> None:
    url = f"{hub.url}/download/tiny/onnx/decoder.onnx"
    whole, headers = fetch(url)
    rest, partial = fetch(url, Range="bytes=100-", **{"If-Range": headers["ETag"]})
    assert rest == whole[100:] and partial["Content-Range"].startswith("bytes 100-")


def test_the_zip_is_the_bundle_and_comes_twice_the_same(hub: RunningHub, folder: Path, tmp_path: Path) -> None:
    first, headers = fetch(f"{hub.url}/download/tiny.zip")
    assert headers["Content-Disposition"] == 'attachment; filename="tiny.zip"'
    assert first == fetch(f"{hub.url}/download/tiny.zip")[0]
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        archive.extractall(tmp_path)
    assert read_bundle(tmp_path / "tiny") == read_bundle(folder / "tiny")
    _, headers = fetch(f"{hub.url}/download/vae-fashion.zip?variant=int8")
    assert headers["Content-Disposition"] == 'attachment; filename="vae-fashion-int8.zip"'


@pytest.mark.parametrize(
    "path",
    [
        "tiny/secret.txt",
        "tiny/bundle.json",
        "tiny/onnx",
        "tiny/onnx/../secret.txt",
        "tiny/..%2Fbad%2Fbundle.json",
        "tiny/%2Fetc%2Fpasswd",
        "tiny/onnx%2F..%2F..%2Fbad%2Fonnx%2Fdecoder.onnx",
        "nobody/onnx/decoder.onnx",
        "nobody.zip",
        "tiny.zip?variant=int8",
        "tiny.zip?variant=../bad",
        "..%2Ftiny.zip",
    ],
)
def test_what_no_manifest_lists_is_never_served(hub: RunningHub, path: str) -> None:
    assert status(f"{hub.url}/download/{path}") == 404


@pytest.mark.parametrize("path", ["bad/onnx/decoder.onnx", "bad.zip", "bad.zip?variant=fp32"])
def test_a_damaged_file_is_refused_in_a_sentence_and_the_others_are_served(hub: RunningHub, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(f"{hub.url}/download/{path}")
    assert refused.value.code == 409
    assert "sha256" in sentence(ValueError(refused.value.read().decode()))
    assert status(f"{hub.url}/download/bad/onnx/prior.onnx") == 200


def test_snippets_name_the_address_they_were_asked_for(client: Client) -> None:
    written = client.predict("vae-fashion", "int8", "https://example.org/hub/", api_name="/snippets")
    assert set(written) == {"files", "python", "javascript", "csharp", "curl"}
    assert '"https://example.org/hub/download/vae-fashion.zip?variant=int8"' in written["files"]
    assert "onnx/decoder_quantized.onnx" in written["python"]


def test_a_benchmark_times_every_variant_here_and_then_stands_in_the_table(client: Client) -> None:
    lines = client.predict("vae-fashion", 3, api_name="/benchmark")
    expected = {(variant, provider) for variant in ("fp32", "fp16", "int8") for provider in available_providers()}
    assert {(line["variant"], line["provider"]) for line in lines} == expected
    timed = [line for line in lines if "refused" not in line]
    assert min(line["times_the_slowest"] for line in timed) == 1.0
    for line in timed:
        assert line["images_per_second"] >= 0.99 * 1000 / line["milliseconds"]
    here = {each["name"]: each["milliseconds_here"] for each in client.predict(api_name="/models")[2]["variants"]}
    for line in timed:
        assert here[line["variant"]][line["provider"]] == line["milliseconds"]


def test_two_visitors_never_benchmark_at_once_and_the_pages_go_on(hub: RunningHub, client: Client) -> None:
    other = Client(hub.url, verbose=False)
    with ThreadPoolExecutor() as pool:
        first, refused = benchmark_under_way(pool, client, other)
        assert "'vae-fashion' is under way" in sentence(refused)
        assert len(other.predict("tiny", 2, 0, 1.0, api_name="/sample")[0]) == 2
        assert other.predict(api_name="/stop_benchmark") is False, "it is not theirs to stop"
        assert not first.done()
        assert client.predict(api_name="/stop_benchmark") is True
        with pytest.raises(AppError) as stopped:
            first.result(timeout=30)
    assert "stopped" in sentence(stopped.value)
    assert other.predict("tiny", 1, api_name="/benchmark")


@pytest.mark.parametrize(
    ("endpoint", "asked", "complaint"),
    [
        ("/snippets", ("nobody",), "model"),
        ("/snippets", ("tiny", "int8"), "fp32"),
        ("/snippets", ("tiny", "fp32", "$(reboot)"), "address"),
        ("/benchmark", ("nobody",), "model"),
        ("/benchmark", ("tiny", 0), "runs"),
        ("/benchmark", ("tiny", 10**9), "runs"),
        ("/benchmark", (["tiny"],), "model"),
    ],
)
def test_bad_requests_get_one_sentence(
    client: Client, endpoint: str, asked: tuple[object, ...], complaint: str
) -> None:
    with pytest.raises(AppError) as refused:
        client.predict(*asked, api_name=endpoint)
    assert complaint in sentence(refused.value)


def test_a_damaged_bundle_is_not_benchmarked_but_says_why(client: Client) -> None:
    assert all("sha256" in line["refused"] for line in client.predict("bad", 1, api_name="/benchmark"))

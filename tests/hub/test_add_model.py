"""``/add_model`` through Gradio's own client, and who may ask for it, with a Hub on this machine."""

import json
import resource
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import pytest
from fastapi import Request
from gradio_client import Client
from gradio_client.exceptions import AppError

from hub.catalog import EMBEDDED
from hub.contract import MANIFEST
from hub.errors import HubError, RequestError
from hub.runtime.additions import MOST_MODELS, Additions
from hub.runtime.engine import Engine
from hub.tabs.models.adding import is_allowed
from tests.hub.conftest import Turn
from tests.hub.foreign_models import lama_repository, style_repository
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle
from tests.hub_stand_in import TOKEN, HubStandIn, files_of
from tests.serving import RunningHub, call_raw, serving


@pytest.fixture
def hub(hub_stand_in: HubStandIn, tmp_path: Path) -> Iterator[RunningHub]:
    with serving("--models", "vae-fashion", GENHUB_CACHE=str(tmp_path / "served"), GENHUB_PROVIDER="cpu") as running:
        yield running


@pytest.fixture
def theirs(hub_stand_in: HubStandIn, tmp_path: Path) -> HubStandIn:
    """A Hub with a bundle, ones that are no good, and public models of other people's."""
    write_tiny_bundle(tmp_path / "tiny")
    good = files_of(tmp_path / "tiny")
    hub_stand_in.add("someone/tiny", good)
    hub_stand_in.add("someone/tampered", good | {"onnx/prior.onnx": good["onnx/prior.onnx"][:-1] + b"!"})
    hub_stand_in.add("someone/photos", {"cat.png": b"precious"})
    ours = files_of(EMBEDDED / "vae-fashion")
    hub_stand_in.add("someone/vae", ours | {MANIFEST: ours[MANIFEST].replace(b'"title": "', b'"title": "Not ')})
    hub_stand_in.add("someone/private", good, private=True)
    hub_stand_in.add("someone/lama", lama_repository())
    hub_stand_in.add("someone/other-size", lama_repository(size=256))
    hub_stand_in.add("someone/mosaic", style_repository())
    return hub_stand_in


def names(client: Client) -> list[str]:
    return [row["id"] for row in client.predict(api_name="/models")]


def test_what_was_added_serves_at_once_and_what_was_not_leaves_the_hub_as_it_was(
    hub: RunningHub, theirs: HubStandIn, tmp_path: Path
) -> None:
    client = Client(hub.url, verbose=False, download_files=str(tmp_path / "got"))
    for name, said in {
        "someone/nothing": "has no repository someone/nothing",
        "someone/tampered": "its onnx/prior.onnx is not the file that the manifest describes",
        "someone/photos": "neither a bundle of this hub nor",
        "someone/vae": "Two bundles are called 'vae-fashion': the one that ships with the package and someone/vae@",
        "someone/private": "if it is private, set HF_TOKEN",
        "someone/other-size": "is no model of the kind lama",
        "someone/tiny@v9": "has no revision v9",
        "../../etc/passwd": "There is no model",
        "someone/tiny; rm -rf /": "There is no model",
        "<script>alert(1)</script>": "There is no model",
        "x" * 301: "Give a Hub repository as owner/name",
        "  ": "Give a Hub repository as owner/name",
        "a/b\0c": "There is no model",
        str(tmp_path): "is no bundle",
    }.items():
        with pytest.raises(AppError) as refused:
            client.predict(name, api_name="/add_model")
        assert said in sentence(refused.value), name
    assert names(client) == ["vae-fashion"]

    row = client.predict("someone/tiny", api_name="/add_model")
    assert (row["id"], row["source"]) == ("tiny", "hub")
    assert client.predict("someone/tiny", api_name="/add_model")["id"] == "tiny", "once more is no more"
    assert names(client) == ["vae-fashion", "tiny"]
    assert len(client.predict("tiny", 3, 0, 1.0, api_name="/sample")[0]) == 3
    assert len(client.predict("tiny", [[0.0] * 8], None, api_name="/decode")) == 1
    assert client.predict("someone/lama", api_name="/add_model")["adapter"] == "lama"
    with pytest.raises(AppError, match="has the task 'inpaint'; give a model of the task 'sample'"):
        client.predict("lama", 1, 0, 1.0, api_name="/sample")
    assert client.predict("someone/mosaic", api_name="/add_model")["task"] == "translate"
    with urllib.request.urlopen(f"{hub.url}/readyz") as answer:
        assert json.load(answer)["models"] == ["vae-fashion", "tiny", "lama", "mosaic"]
    with pytest.raises(AppError) as refused:
        client.predict("lama", api_name="/snippets")
    assert "someone/lama" in sentence(refused.value)
    with pytest.raises(urllib.error.HTTPError) as zipped:
        urllib.request.urlopen(f"{hub.url}/download/lama.zip")
    assert zipped.value.code == 409 and "is adapted" in sentence(ValueError(zipped.value.read().decode()))
    moved = Path(shutil.move(tmp_path / "tiny", tmp_path / "elsewhere"))
    with pytest.raises(AppError, match="Two bundles are called 'tiny'"):
        client.predict(str(moved), api_name="/add_model")


def test_what_is_no_name_is_one_sentence(hub: RunningHub) -> None:
    for name in (None, 5, ["someone/tiny"], {"path": "/etc/passwd"}):
        assert "Give a Hub repository as owner/name" in call_raw(hub.url, "add_model", name), name


def test_off_is_off(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    cache = str(tmp_path / "served")
    with serving("--models", "vae-fashion", GENHUB_CACHE=cache, GENHUB_ADD_MODELS="off") as hub:
        with pytest.raises(AppError) as refused:
            Client(hub.url, verbose=False).predict("someone/tiny", api_name="/add_model")
        assert "Adding models is off" in sentence(refused.value)
    assert not any("someone" in address for _, address, _ in hub_stand_in.requests)


def asking(host: str = "127.0.0.1:7860", client: str | None = "127.0.0.1", **headers: str) -> gr.Request:
    encoded = [(key.replace("_", "-").encode(), value.encode()) for key, value in {"host": host, **headers}.items()]
    scope = {"type": "http", "headers": encoded, "client": (client, 5) if client else None, "query_string": b""}
    return gr.Request(Request(scope))


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        (asking(), True),
        (asking("localhost:7860"), True),
        (asking("[::1]:7860", "::1"), True),
        (asking("[::1]", "::1"), True),
        (asking(client="192.168.0.7"), False),
        (asking("hub.example.org"), False),
        (asking("hub.example.org:7860"), False),
        (asking("localhost.evil.org:7860"), False),
        (asking(x_forwarded_for="1.2.3.4"), False),
        (asking(forwarded="for=1.2.3.4"), False),
        (asking(via="1.1 proxy"), False),
        (asking(client=None), False),
    ],
)
def test_unless_told_otherwise_only_who_sits_at_the_machine_may_add(
    request_: gr.Request, allowed: bool, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_allowed(request_) is allowed
    turn(add_models="on")
    assert is_allowed(request_)
    turn(add_models="off")
    assert not is_allowed(request_)
    turn(add_models="auto")
    monkeypatch.setenv("SPACE_ID", "someone/space")
    assert not is_allowed(request_)


# ── One at a time ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_of_this_machine_is_for_who_sits_at_it(tiny_bundle: Path) -> None:
    engine = Engine(["vae-fashion"])
    with pytest.raises(HubError, match="There is no model"):
        Additions(engine).start(str(tiny_bundle), here=False).model()
    assert Additions(engine).start(f" {tiny_bundle} ", here=True).model().bundle.id == "tiny"
    assert list(engine.models) == ["vae-fashion", "tiny"]


def test_one_is_added_at_a_time_and_its_progress_is_told(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "fat", ballast=30_000_000)
    hub_stand_in.add("someone/tiny", files_of(tmp_path / "fat"))
    additions = Additions(Engine(["vae-fashion"]))
    with ThreadPoolExecutor() as pool:
        first = additions.start("someone/tiny", here=False)
        with pytest.raises(RequestError, match="someone/tiny is being added just now"):
            additions.start("someone/else", here=False)
        assert pool.submit(first.model).result(timeout=60).bundle.id == "tiny"
    assert first.progress == pytest.approx(1, abs=0.01)
    with pytest.raises(HubError, match="no repository someone/else"):
        additions.start("someone/else", here=False).model()


@pytest.mark.parametrize("cached", [False, True])
def test_the_owner_s_token_and_cache_open_nothing_private_for_a_visitor(
    cached: bool, theirs: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    if cached:
        assert Engine(["someone/private"]).models
    engine = Engine(["vae-fashion"])
    for name in ("someone/private", f"someone/private@{theirs.repos['someone/private'].main}"):
        with pytest.raises(HubError, match="no repository someone/private to show"):
            Additions(engine).start(name, here=False).model()
    assert Additions(engine).start("someone/private", here=True).model().bundle.id == "tiny"


def test_a_full_disk_leaves_the_hub_as_it_was(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "fat", ballast=3_000_000)
    hub_stand_in.add("someone/tiny", files_of(tmp_path / "fat"))
    engine = Engine(["vae-fashion"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(HubError, match="The disk is full"):
            Additions(engine).start("someone/tiny", here=False).model()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(engine.models) == ["vae-fashion"]
    assert Additions(engine).start("someone/tiny", here=False).model().bundle.id == "tiny"


def test_a_bundle_that_cannot_be_opened_is_not_known_afterwards(tmp_path: Path, hub_stand_in: HubStandIn) -> None:
    write_tiny_bundle(tmp_path / "broken")
    graph = tmp_path / "broken/onnx/decoder.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    engine = Engine(["vae-fashion"])
    with pytest.raises(HubError, match="damaged"):
        Additions(engine).start(str(tmp_path / "broken"), here=True).model()
    assert list(engine.models) == ["vae-fashion"]


def test_there_is_an_end_to_it(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(["vae-fashion"])
    monkeypatch.setattr("hub.runtime.additions.MOST_MODELS", 1)
    with pytest.raises(RequestError, match="takes no more"):
        Additions(engine).start(str(tiny_bundle), here=True)
    assert MOST_MODELS > 10
